"""Field sheets of despatch and what it needs (names, lengths and scales of release 2024 R1)."""

from app.sandbox.sage200.fields import declare
from app.sandbox.sage200.sheets import STAMPS

CONFIRM = declare(
    "sop_order_return_id int\ndespatch_receipt_date date\nconfirmation_intent_type enum:confirmation_intent\n"
    "items any\n"
)
CONFIRM_ITEM = declare(
    """
id int
sop_order_return_id int ro
document_no str20 ro
customer_id int ro
customer_reference str8 ro
customer_name str60 ro
product_id int ro
item_code str30 ro
item_name str60 ro
selling_unit_description str20 ro
warehouse_name str20 ro
quantity dec5
line_quantity dec5 ro
despatch_receipt_quantity dec5 ro
outstanding_quantity dec5 ro
available_quantity dec5 ro
selling_unit_multiple dec7 ro
stock_unit_multiple dec7 ro
document_date date ro
requested_delivery_date date ro
promised_delivery_date date ro
"""
)
TRACKING = declare(
    """
sop_order_return_id int
courier_id int
consignment_no str60
sop_incoterm_id int
sop_export_reason_id int
weight dec4
pieces int
notes str256
"""
)
# What sop_confirm_despatch and sop_despatch_discrete_orders can be filtered on, and nothing else (sage200.md 6).
READY_FILTERS = declare(
    "confirmation_intent_type enum:confirmation_intent\ntrader_id int\nwarehouse_id int\ndocument_no str20\n"
    "document_date date\n"
)
DISCRETE = declare(
    "id int ro\ntrader_reference str8 ro\ntrader_name str60 ro\ndocument_no str20 ro\ndocument_value dec2 ro\n"
    "document_date date ro\n"
)
RECEIPT = declare(
    """
id int ro
despatch_no str20 ro
despatched_by str20 ro
despatch_date stamp ro
courier_id int
sop_incoterm_id int
sop_export_reason_id int
courier_name str60 ro
sop_incoterm_name str60 ro
sop_export_reason_name str60 ro
consignment_no str60
weight dec4
pieces int
notes str256
"""
    + STAMPS
)
NOTE = """
sop_despatch_id int
sop_despatch_document_no str20
sop_despatch_date date
sop_despatch_user_name str20
sop_despatch_courier_name str60
sop_despatch_consignment_no str60
sop_despatch_incoterm str60
sop_despatch_export_reason str60
sop_despatch_pieces int
sop_despatch_weight dec3
sop_despatch_notes str256
sop_order_id int
sop_order_document_no str20
sop_order_document_date date
sop_order_customer_document_no str30
customer_id int
customer_reference str8
customer_name str60
"""
DESPATCH_VIEW = declare(NOTE + "sop_despatch_courier_id int\nsop_order_document_status_id int\n")
DESPATCH_LINE_VIEW = declare(
    NOTE
    + """
sop_despatch_line_id int ro
sop_despatch_line_quantity dec5
sop_despatch_line_is_invoiced bool
sop_order_line_id int
sop_order_line_type_id int
sop_order_line_item_code str30
sop_order_line_item_description str60
sop_order_line_print_sequence_number int
sop_order_line_quantity dec5
sop_order_line_despatch_quantity dec5
sop_order_document_status_type str20
product_id int
product_code str30
product_name str60
warehouse_holding_id int
warehouse_id int
warehouse_name str20
sys_courier_tracking_url str2083
date_time_updated stamp ro
"""
)
COURIER = declare(
    "id int\nname str60\nwebsite str2083\ntracking_url str2083\nis_default bool\nis_to_delete bool\n" + STAMPS
)
CANCELLED_LINE = declare(
    """
id int ro
sop_order_return_id int
item_code str30
item_description str1000
cancelled_quantity dec5
cancelled_date stamp
user_number int
user_name str20
selling_unit_description str20
stock_unit_cancelled_quantity dec5
"""
    + STAMPS
)
CUSTOMER_ADDRESS = declare(
    """
id int ro
customer_id int
is_default bool
description str255
postal_name str60
address_{1..4} str60
city str60
county str60
postcode str10
country str60 ro
address_country_code_id int
contact str235
telephone str60
fax str30
email str255
tax_number str30
tax_code_id int
country_code_id int
"""
    + STAMPS
)
