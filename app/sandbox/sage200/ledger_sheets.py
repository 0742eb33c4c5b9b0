"""Field sheets of codes, settings and permissions (names, lengths and scales of release 2024 R1)."""

from app.sandbox.sage200.fields import declare
from app.sandbox.sage200.sheets import ANALYSIS, STAMPS

TAX_CODE = declare(
    "id int ro\ncode int\nname str60\ntax_rate dec2\nterms str54 ro\nterms_description str60 ro\n"
    "is_notional_acquisition_tax bool ro\n" + STAMPS
)
CURRENCY = declare(
    """
id int ro
symbol str4 ro
name str30 ro
core_currency_rate dec6 ro
euro_currency_rate dec6 ro
is_base_currency bool ro
is_euro_currency bool ro
use_for_new_accounts bool ro
exchange_rate_type str50 ro
exchange_rate_amendability_type enum:amendability ro
currency_iso_code_id int ro
"""
    + STAMPS
)
CURRENCY_ISO_CODE = declare("id int ro\ncode str3 ro\nname str100 ro\n" + STAMPS)
COUNTRY_CODE = declare("id int ro\ncode str2 ro\nname str60 ro\neu_member bool ro\n" + STAMPS)
NOMINAL_CODE = declare(
    """
id int ro
name str60
reference str8
cost_centre_id int
cost_centre_code str3 ro
department_id int
department_code str3 ro
nominal_account_type str50
account_status_type enum:account_status
report_category_id int
balance_year_to_date dec2 ro
allow_manual_journal_entries bool
"""
    + ANALYSIS
    + STAMPS
)
COST_CENTRE = declare("id int ro\ncode str3 ro\nname str60\n" + STAMPS)
CHARGE = declare(
    "id int ro\ncode str20\nname str60\ncharge_value dec2\nnotional_cost_value dec5\nnominal_code_id int\n"
    "tax_code_id int\n" + STAMPS
)
PAYMENT_METHOD = declare(
    "id int ro\nname str20\ndescription str100\nbank_account_id int\ncurrency_id int\ncard_processing_method bool\n"
    + STAMPS
)
BANK = declare(
    """
id int ro
code str8
description str60
sort_code str10
account_no str20
bank_name str60
account_status_type enum:account_status
balance dec2 ro
balance_in_base dec2 ro
account_currency_id int
bank_account_nominal_reference str8
bank_account_nominal_cost_centre str3
bank_account_nominal_department str3
"""
    + STAMPS
)
ANALYSIS_MAPPING = declare(
    """
id int ro
class_name str255 ro
friendly_class_name str255 ro
property_name str255 ro
friendly_property_name str255 ro
is_mandatory bool ro
is_read_only bool ro
slot int ro
"""
    + STAMPS
)
ANALYSIS_CODE = declare(
    "id int ro\nname str60 ro\nallow_overtype bool ro\nallow_new_on_entry bool ro\nvalues any ro\n" + STAMPS
)
SITE = declare(
    "company_id int ro\ncompany_name str100\nsite_id str36 ro\nsite_name str100\nsite_short_name str50\n"
)
USER = declare(
    "id int ro\nlogon_name str256 ro\nfriendly_name str250\nemail_address str50\nis_web_user bool ro\n"
    "last_logon_date_time stamp\n"
)
LICENCE = declare(
    """
is_sales_enabled bool
is_purchase_enabled bool
is_nominal_enabled bool
is_fixed_assets_enabled bool
is_cash_book_enabled bool
is_stock_enabled bool
is_price_book_enabled bool
is_invoicing_enabled bool
is_sales_orders_enabled bool
is_purchase_orders_enabled bool
is_bill_of_materials_enabled bool
is_project_accounting_enabled bool
is_manufacturing_enabled bool
is_business_intelligence_enabled bool
is_scripting_enabled bool
"""
)
SOP_SETTINGS = declare(
    """
id int ro
auto_generate_order_return_numbers bool
amend_nominal_codes bool
amend_header_analysis_codes bool
allow_payment_with_order bool
revenue_nominal_account_same_as bool
use_same_cost_centre_department_as_customer bool
allow_cash_orders bool
cash_order_account_id int
are_prices_tax_inclusive bool
allocate_stock_on_order_entry bool
update_stock_on_despatch bool
record_cancelled_order_lines bool
default_free_text_confirm_intent_type str50
add_invoice_credit_note_to_sales_ledger bool
invoice_payment_immediately bool
record_tracking_on_despatch bool
"""
    + STAMPS
)
PERMISSIONS = declare(
    """
id int ro
user_number int ro
user_name str20 ro
view_profit_values bool
view_price_calculations bool
override_credit_holds bool
override_prices_discounts bool
override_fulfilment_method bool
override_confirmation_method bool
override_cost_price bool
generate_purchase_orders bool
full_order_warehouse_id int
trade_order_warehouse_id int
rapid_order_warehouse_id int
invoice_warehouse_id int
"""
    + STAMPS
)
