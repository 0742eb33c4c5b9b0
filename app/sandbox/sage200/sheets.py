"""Field sheets of the resources (names, lengths and scales of Sage's OpenAPI files, release 2024 R1)."""

from app.sandbox.sage200.fields import declare

ANALYSIS = "analysis_code_{1..20} str60\n"
SPARES = """
spare_text_{1..10} str100
spare_number_{1..10} dec5
spare_date_{1..5} stamp
spare_bool_{1..5} bool
"""
STAMPS = "date_time_created stamp ro\ndate_time_updated stamp ro\n"

ORDER = declare(
    """
id int ro
customer_id int
is_draft bool ro
is_editing bool
is_to_sequence_lines bool
override_on_hold bool
recalculate_prices bool
apply_available_document_discount_percent bool
lock_id int
customer_delivery_address_id int
suppress_warnings bool
document_no str20
customer_type enum:customer_type
document_date date
document_status enum:document_status ro
despatch_receipt_status str20 ro
invoice_credit_status str20 ro
cancelled_status str20 ro
currency_id int ro
exchange_rate dec6
subtotal_goods_value dec2 ro
subtotal_charge_net_value dec2 ro
subtotal_charge_tax_value dec2 ro
subtotal_discount_value dec2 ro
total_net_value dec2 ro
total_tax_value dec2 ro
total_gross_value dec2 ro
customer_document_no str30
is_credit_limit_exceeded bool ro
use_invoice_address bool
is_triangulated bool
settlement_discount_days int
settlement_discount_percent dec2
document_discount_percent dec2
available_document_discount_percent dec2 ro
document_created_by str30
requested_delivery_date date
promised_delivery_date date
quotation_expiry_date date
order_priority str1
external_reference str20 ro
payment_with_order bool
payment_type str50
invoice_payment_with_order_immediately bool
payment_value dec2
payment_reference str20
payment_method_id int
payment_declared dec2 ro
payment_undeclared dec2 ro
declared_payment_remaining dec2 ro
"""
    + ANALYSIS
    + SPARES
    + STAMPS
)

LINE = declare(
    """
id int
sop_order_id int ro
line_type enum:line_type
product_id int
warehouse_id int
create_cancelled_line bool
is_to_split_line bool
code str30
use_description bool
description str6000
line_quantity dec5
to_allocate_quantity dec5
line_number int ro
tax_code_id int
nominal_reference str8
nominal_cost_centre str3
nominal_department str3
allocated_quantity dec5 ro
available_for_despatch dec5 ro
despatch_receipt_quantity dec5 ro
invoice_credit_quantity dec5 ro
posted_invoice_credit_quantity dec5 ro
stock_unit_line_quantity dec5 ro
stock_unit_to_allocate_quantity dec5 ro
stock_unit_allocated_quantity dec5 ro
allocation_status str20 ro
despatch_receipt_status str20 ro
invoice_credit_status str20 ro
selling_unit_id int
selling_unit_description str20
selling_unit_price dec5
selling_unit_price_overridden bool
pricing_unit_id int
pricing_unit_description str20
unit_discount_percent dec2
discount_percent_specified bool
unit_discount_value dec5
unit_discount_overridden bool
discounted_unit_price dec2
cost_price dec5
retain_manual_prices bool
fulfilment_method str50
confirmation_intent_type str50
mark_as_preferred bool
line_tax_value dec2 ro
line_total_value dec2 ro
requested_delivery_date date
promised_delivery_date date
picking_list_comment str160
despatch_note_comment str160
show_on_customer_docs bool
show_on_picking_list_type str20
has_pop_order bool ro
back_to_back_status str20 ro
is_complete bool ro
is_line_deletable bool ro
is_to_delete bool
"""
    + ANALYSIS
    + SPARES
    + STAMPS
)

ADDRESS_LINES = """
id int ro
postal_name str60
address_{1..4} str60
city str60
county str60
country str60
postcode str10
"""
DELIVERY_ADDRESS = declare(
    ADDRESS_LINES
    + """
contact str235
telephone_number str30
fax_number str30
email_address str255
tax_number str30
tax_code_id int
country_code_id int
"""
    + STAMPS
)
CASH_ADDRESS = declare(ADDRESS_LINES + STAMPS)
MEMO = declare(
    "id int ro\nsop_order_return_id int\nis_active bool\nnote str1000\ncreated_by str20 ro\n" + STAMPS
)
