"""Codes and accounts of the seeded company."""

from collections.abc import Iterable

from app.sandbox.sage200.seeding import Seeding

TAX_CODES = (
    (0, "Exempt", "0.00"),
    (1, "Standard rate", "20.00"),
    (2, "Zero rated", "0.00"),
    (4, "EC sales of goods", "0.00"),
    (9, "Outside scope (VAT return: no)", "0.00"),
)
CURRENCIES = (("GBP", "Pound Sterling", "£", "1.000000"), ("EUR", "Euro", "€", "1.160000"))
COUNTRIES = (
    ("GB", "United Kingdom", False),
    ("IE", "Ireland", True),
    ("DE", "Germany", True),
    ("FR", "France", True),
)
RETAILERS = "RETAILERS"
"""A band of prices without VAT beside the standard one, for the accounts that name it."""


def seed_codes(seeding: Seeding) -> None:
    for number, name, rate in TAX_CODES:
        doc = {
            "code": number,
            "name": name,
            "tax_rate": rate,
            "terms": name[:54],
            "is_notional_acquisition_tax": False,
        }
        seeding.put("tax_code", str(number), doc)
    for code, name, eu_member in COUNTRIES:
        seeding.put("country_code", code, {"code": code, "name": name, "eu_member": eu_member})
    for code, name, symbol, core_rate in CURRENCIES:
        iso = seeding.put("currency_iso_code", code, {"code": code, "name": name})
        currency = {
            "symbol": symbol,
            "name": name,
            "core_currency_rate": core_rate,
            "is_base_currency": code == "GBP",
            "is_euro_currency": code == "EUR",
            "use_for_new_accounts": code == "GBP",
            "exchange_rate_type": "ExchangeRateSingle",
            "exchange_rate_amendability_type": "EnumAmendabilityTypeAll",
            "currency_iso_code_id": iso,
        }
        seeding.put("currency", code, currency)


def seed_nominals(seeding: Seeding) -> None:
    nominals = [tuple(parts) for parts in seeding.spec["nominals"]]
    for entity, place in (("cost_centre", 1), ("department", 2)):
        for code in distinct(parts[place] for parts in nominals):
            seeding.put(entity, code, {"code": code, "name": code})
    for reference, centre, department in nominals:
        doc = {
            "reference": reference,
            "name": f"Account {reference}",
            "cost_centre_id": seeding.made.get("cost_centre", {}).get(centre),
            "cost_centre_code": centre,
            "department_id": seeding.made.get("department", {}).get(department),
            "department_code": department,
            "nominal_account_type": "NominalAccountTypePosting",
            "account_status_type": "AccountStatusActive",
            "allow_manual_journal_entries": True,
            "balance_year_to_date": "0",
        }
        seeding.put("nominal_code", f"{reference}/{centre}/{department}", doc)
    for charge in seeding.spec["charges"]:
        doc = {
            "code": charge["code"],
            "name": charge["name"],
            "charge_value": charge.get("value", "0"),
            "nominal_code_id": seeding.id_of("nominal_code", "/".join(charge["nominal"])),
            "tax_code_id": seeding.id_of("tax_code", str(charge["tax"])),
        }
        seeding.put("charge", charge["code"], doc)


def seed_couriers(seeding: Seeding) -> None:
    for place, name in enumerate(seeding.spec["couriers"]):
        site = f"https://{name.split()[0].lower()}.example.com"
        doc = {"name": name, "website": site, "tracking_url": f"{site}/track", "is_default": place == 0}
        seeding.put("courier", name, doc)


def distinct(codes: Iterable[str]) -> list[str]:
    return [code for code in dict.fromkeys(codes) if code]


def seed_customers(seeding: Seeding) -> None:
    band = {
        "name": RETAILERS,
        "description": "What retailers pay",
        "is_standard_band": False,
        "is_active": True,
    }
    seeding.put("price_band", RETAILERS, band)
    nominal = seeding.id_of("nominal_code", "/".join(seeding.spec["nominals"][0]))
    for customer in seeding.spec["customers"]:
        doc = {
            "reference": customer["reference"],
            "name": customer["name"],
            "short_name": customer["reference"],
            "balance": "0",
            "on_hold": customer.get("on_hold", False),
            "status_reason": "",
            "account_status_type": "AccountStatusActive",
            "currency_id": seeding.id_of("currency", customer["currency"]),
            "exchange_rate_type": "ExchangeRateSingle",
            "credit_limit": str(customer.get("credit_limit", "0")),
            "country_code_id": seeding.id_of("country_code", customer["country"]),
            "default_tax_code_id": seeding.id_of("tax_code", "1"),
            "terms_agreed": True,
            "value_of_current_orders_in_sop": "0",
            "default_nominal_code_id": nominal,
        }
        if "price_band" in customer:
            doc["price_band_id"] = seeding.id_of("price_band", customer["price_band"])
        seeding.put("customer", customer["reference"], doc)
