"""Field sheets of what a company has before it has orders (names, lengths and scales of release 2024 R1)."""

from app.sandbox.sage200.fields import declare
from app.sandbox.sage200.sheets import ANALYSIS, SPARES, STAMPS

CUSTOMER = declare(
    """
id int ro
reference str8
name str60
short_name str8
balance dec2 ro
on_hold bool
status_reason str256
account_status_type enum:account_status
currency_id int
exchange_rate_type str50
website str200
credit_limit dec2
country_code_id int
default_tax_code_id int
vat_number str30
payment_terms_days int
payment_terms_basis str50
terms_agreed bool
value_of_current_orders_in_sop dec2 ro
order_priority str1
use_tax_code_as_default bool
default_nominal_code_id int ro
default_nominal_code_reference str8
default_nominal_code_cost_centre str3
default_nominal_code_department str3
invoice_discount_percent dec2
invoice_line_discount_percent dec2
price_band_id int
"""
    + ANALYSIS
    + SPARES
    + STAMPS
)
CUSTOMER_VIEW = declare(
    """
id int
reference str20
name str60
short_name str8
country_code_id int
country_code str2
currency_id int
currency_name str30
currency_symbol str4
currency_iso_code_id int
currency_iso_code str3
balance dec2
credit_limit dec2
vat_number str30
default_tax_rate_id int
default_tax_rate_code int
default_tax_rate_name str60
default_tax_rate dec2
account_is_on_hold bool
account_status_type enum:account_status
value_of_current_orders_in_sop dec2
"""
    + ANALYSIS
    + STAMPS
)

PRODUCT = declare(
    """
id int ro
code str30
name str60
description str1000
use_description_on_documents bool
barcode str60
allow_sales_order bool
free_stock_quantity dec5 ro
product_group_id int
tax_code_id int
product_status_type enum:product_status
inactivation_date date
manufacturer str40
part_number str60
standard_cost dec5
average_buying_price dec5
commodity_code str10
country_of_origin_id int
weight dec4
revenue_nominal_code_id int
"""
    + ANALYSIS
    + SPARES
    + STAMPS
)
PRODUCT_GROUP = declare(
    """
id int
code str20
description str50
product_type str50
costing_method str50
keep_movement_history bool
can_levels_go_negative bool
can_over_allocate_negative_stock bool
use_description_on_documents bool
"""
    + STAMPS
)
PRODUCT_VIEW = declare(
    """
id int
code str30
name str60
status_type enum:product_status
description str1000
manufacturer str40
part_number str60
allow_sales_order bool
average_buying_price dec5
weight dec4
selling_price dec5
standard_cost dec5
free_stock_quantity dec5
confirmed_quantity_in_stock dec5
quantity_reserved dec5
quantity_allocated_sop dec5
"""
)

WAREHOUSE = declare(
    """
id int ro
name str20
description str50
warehouse_type str50
use_for_sales_trading bool
postal_name str60
address_{1..4} str60
city str60
county str60
postcode str10
country str60
country_code_id int
"""
    + SPARES
    + STAMPS
)
HOLDING = declare(
    """
id int ro
warehouse_id int
product_id int
reorder_level dec5
minimum_level dec5
maximum_level dec5
quantity_reserved dec5 ro
confirmed_qty_in_stock dec5 ro
unconfirmed_qty_in_stock dec5 ro
quantity_in_stock dec5 ro
quantity_in_stock_less_reserved dec5 ro
quantity_on_order dec5 ro
quantity_allocated_stock dec5 ro
quantity_allocated_sop dec5 ro
quantity_allocated_bom dec5 ro
quantity_allocated dec5 ro
free_stock_available dec5 ro
free_stock_available_less_reserved dec5 ro
warehouse_name str20 ro
"""
    + STAMPS
)
