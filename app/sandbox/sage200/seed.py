"""A company to sell for: customers, articles with stock, codes, settings, and a client that was consented already."""

from app.sandbox.mirror import Doc
from app.sandbox.sage200.ledger_sheets import LICENCE
from app.sandbox.sage200.locks import API_USER
from app.sandbox.sage200.seed_codes import seed_codes, seed_couriers, seed_customers, seed_nominals
from app.sandbox.sage200.seed_stock import seed_stock
from app.sandbox.sage200.seeding import Seeding
from app.sandbox.sage200.stamps import stamp_later
from app.sandbox.sage200.switches import setting
from app.sandbox.sage200.tokens import CLIENT, store_token
from app.sandbox.store import Change
from app.sandbox.world import World

SITE_ID = "5a6e2000-0000-4000-8000-000000000001"
COMPANY_ID = 12
SEEDED = "sage200.seeded"
UNLICENSED = frozenset(
    {"is_manufacturing_enabled", "is_project_accounting_enabled", "is_bill_of_materials_enabled"}
)


def build(world: World, change: Change, spec: Doc) -> Doc:
    """`spec`: `catalogue` (see app.sandbox.catalogue) and any of `seeding.DEFAULTS`. Answers what a client needs to
    connect and the ids by entity and code. A company that is there already stays as it is.
    """
    before = change.get(SEEDED, "company")
    if before is not None:
        return before
    seeding = Seeding(world, change, spec)
    seed_codes(seeding)
    seed_nominals(seeding)
    seed_customers(seeding)
    seed_stock(seeding, spec["catalogue"])
    seed_settings(seeding)
    seed_couriers(seeding)
    seed_client(seeding)
    answer = {
        **{name: seeding.spec[name] for name in ("client_id", "client_secret", "refresh_token")},
        "site_id": SITE_ID,
        "company_id": COMPANY_ID,
        "ids": {entity: ids for entity, ids in seeding.made.items() if entity != "warehouse_holding"},
    }
    change.put(SEEDED, "company", answer)
    return answer


def seed_client(seeding: Seeding) -> None:
    spec, change = seeding.spec, seeding.change
    change.put(CLIENT, spec["client_id"], {"secret": spec["client_secret"]})
    until = stamp_later(seeding.world, setting(seeding.world, "refresh_lifetime_seconds"))
    store_token(change, spec["refresh_token"], "refresh", "seeded", until)
    site = {"site_id": SITE_ID, "company_id": COMPANY_ID, "site_short_name": "SANDBOX"}
    names = {"company_name": "Sandbox Trading Ltd", "site_name": "Sandbox site"}
    change.put("sage200.site", COMPANY_ID, {"id": COMPANY_ID, **site, **names})


def seed_settings(seeding: Seeding) -> None:
    """Fields whose names are switches too (`sop_settings`, permissions) show what the switch says."""
    change = seeding.change
    change.put("sage200.licence", 1, {name: name not in UNLICENSED for name in LICENCE})
    user = {
        "logon_name": API_USER,
        "friendly_name": "Sluice",
        "email_address": "api@example.com",
        "is_web_user": True,
    }
    change.put("sage200.user", 1, {"id": 1, **user})
    switched = dict.fromkeys(
        (
            "auto_generate_order_return_numbers",
            "are_prices_tax_inclusive",
            "allocate_stock_on_order_entry",
            "amend_nominal_codes",
            "amend_header_analysis_codes",
            "update_stock_on_despatch",
            "record_tracking_on_despatch",
            "record_cancelled_order_lines",
            "default_free_text_confirm_intent_type",
        )
    )
    fixed = {
        "allow_payment_with_order": True,
        "allow_cash_orders": False,
    }
    change.put("sage200.sop_settings", 1, {"id": 1, **fixed, **switched})
    warehouse = seeding.id_of("warehouse", seeding.spec["warehouses"][0])
    permissions = {
        "user_number": 1,
        "user_name": API_USER,
        "override_prices_discounts": None,
        "override_credit_holds": None,
        "full_order_warehouse_id": warehouse,
        "trade_order_warehouse_id": warehouse,
    }
    change.put("sage200.permissions", 1, {"id": 1, **permissions})
    seed_analysis(seeding)


def seed_analysis(seeding: Seeding) -> None:
    code = {
        "id": 1,
        "name": "Project Code",
        "allow_overtype": True,
        "allow_new_on_entry": False,
        "values": [],
    }
    doc = {
        "class_name": "Sage.Accounting.SOP.SOPOrderReturn",
        "friendly_class_name": "Sales orders and returns",
        "property_name": "AnalysisCode1",
        "friendly_property_name": "Analysis code 1",
        "is_mandatory": seeding.spec["mandatory_analysis"],
        "is_read_only": False,
        "slot": 1,
        "analysis_code": code,
    }
    seeding.put("analysis_code_mapping", "1", doc)
