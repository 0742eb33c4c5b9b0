"""The mapping tables against what the ERP knows, before an order has to find out (R-61, R-84)."""

from collections.abc import Iterator
from decimal import Decimal

from app.domain.erp import Facts, Wanted
from app.domain.message import Owner, Violation
from app.domain.rules import Mappings


def wanted(mappings: Mappings) -> Wanted:
    """What `lint` needs to know of the ERP."""
    spellings = {alias for _, alias in mappings.sku_aliases}
    return Wanted(
        customers=frozenset(row.reference for row in mappings.customers.values()),
        products=frozenset(spellings | set(mappings.sku_aliases.values())),
    )


def lint(mappings: Mappings, facts: Facts) -> list[Violation]:
    """Everything that would park an order, and aliases that hide a product. `value` begins with the row's key."""
    return [
        *_lint_customers(mappings, facts),
        *_lint_taxes(mappings, facts),
        *_lint_places(mappings, facts),
        *_lint_nominals(mappings, facts),
        *_lint_fields(mappings, facts),
        *_lint_aliases(mappings, facts),
    ]


def _lint_customers(mappings: Mappings, facts: Facts) -> Iterator[Violation]:
    for row in mappings.customers.values():
        customer = facts.customers.get(row.reference)
        if customer is None:
            fix = "create the account in the ERP, or map another"
            yield _finding("E-CUST-UNKNOWN", "customers", f"{row.key}: {row.reference}", fix)
            continue
        if customer.currency != row.currency:
            value = f"{row.key}: {row.reference} is kept in {customer.currency}"
            yield _finding("E-CUST-CURRENCY", "customers", value, f"map an account kept in {row.currency}")
        if customer.on_hold:
            fix = "release the account in the ERP"
            yield _finding("E-CUST-ONHOLD", "customers", f"{row.key}: {row.reference}", fix)


def _lint_taxes(mappings: Mappings, facts: Facts) -> Iterator[Violation]:
    codes = [("tax_codes", row.key, row.code, row.code_rate) for row in mappings.tax_codes]
    outside = [row for row in mappings.charges.values() if row.tax_code is not None]
    codes += [("charges", row.key, row.tax_code or "", Decimal(0)) for row in outside]
    for table, key, code, rate in codes:
        known = facts.tax_codes.get(code)
        if known is None or known.rate != rate:
            has = "does not exist" if known is None else f"is {known.rate} %"
            fix = f"choose a code of {rate} %, or mend the code in the ERP"
            yield _finding("E-VAT-MISMATCH", table, f"{key}: code {code} {has}", fix)


def _lint_places(mappings: Mappings, facts: Facts) -> Iterator[Violation]:
    for place in mappings.warehouses.values():
        if place.warehouse not in facts.warehouses:
            fix = "create the warehouse in the ERP, or map another"
            yield _finding("E-WAREHOUSE-UNKNOWN", "warehouses", f"{place.key}: {place.warehouse}", fix)
    for charge in mappings.charges.values():
        if charge.code and charge.code not in facts.charges:
            fix = "create the additional charge in the ERP, or map another"
            yield _finding("E-CHARGE-UNKNOWN", "charges", f"{charge.key}: {charge.code}", fix)


def _lint_nominals(mappings: Mappings, facts: Facts) -> Iterator[Violation]:
    for row in mappings.posting_rules:
        triple = (row.nominal, row.cost_centre, row.department)
        if triple not in facts.nominals:
            fix = "create the nominal account in the ERP, or change the rule"
            yield _finding("E-NOMINAL-UNKNOWN", "posting_rules", f"{row.key}: {'/'.join(triple)}", fix)


def _lint_fields(mappings: Mappings, facts: Facts) -> Iterator[Violation]:
    mapped = {slot for _, _, slot in mappings.required_fields}
    for slot in sorted(facts.required_analysis - mapped):
        fix = "the company requires it: say what fills it"
        yield _finding("E-REQFIELD", "required_fields", f"analysis_{slot}", fix)


def _lint_aliases(mappings: Mappings, facts: Facts) -> Iterator[Violation]:
    for (connection, alias), code in mappings.sku_aliases.items():
        if code not in facts.products:
            value, fix = f"{connection}|{alias}: {code}", "correct the code, or create the product in the ERP"
            yield _finding("E-SKU-UNKNOWN", "sku_aliases", value, fix)
        if alias in facts.products and alias != code:
            fix = "the ERP has a product of this code, which wins: remove the alias"
            yield _finding("E-ALIAS-HIDDEN", "sku_aliases", f"{connection}|{alias}: {code}", fix)


def lint_carriers(mappings: Mappings, connection: str, listed: frozenset[str] | None) -> list[Violation]:
    """What would park the despatch notes of a connection (R-44, R-46). `listed`: the carriers that it knows, if it tells."""
    rows = mappings.carriers_for(connection)
    if not rows:
        fix = "map the couriers of the ERP: every despatch note would park"
        return [_finding("E-CARRIER-UNMAPPED", "carriers", f"{connection}: carrier", fix)]
    gone = [row for row in rows if listed is not None and row.carrier not in listed]
    fix = f"{connection} does not list this carrier: correct the row before a despatch needs it"
    return [_finding("E-CARRIER-GONE", "carriers", f"{row.key}: {row.carrier}", fix) for row in gone]


def _finding(code: str, table: str, value: str, fix: str) -> Violation:
    owner = (
        Owner.OPERATIONS
        if table in {"warehouses", "sku_aliases", "required_fields", "carriers"}
        else Owner.FINANCE
    )
    return Violation(code, table, value, fix, owner, table)
