"""What stands above an order's lines: account, warehouse, required fields."""

from app.domain.dossier import Dossier
from app.domain.message import Owner, Violation
from app.domain.order import Order
from app.domain.rows import CustomerRow, FieldRow
from app.domain.rules import Mappings

ANALYSIS_LENGTH = 60


def choose_customer(dossier: Dossier) -> str:
    """The ERP account, or "" with a complaint (R-31)."""
    row = find_account(dossier.order, dossier.mappings)
    if row is None:
        dossier.found.append(_unmapped_customer(dossier))
        return ""
    _check_customer(dossier, row.reference)
    return row.reference


def find_account(order: Order, mappings: Mappings) -> CustomerRow | None:
    """Shoppers share an account; a wholesale order without an account of its own has none."""
    if order.wholesale and not order.account:
        return None
    account = order.account if order.wholesale else ""
    return mappings.find_customer(order.connection, order.store, order.currency, account)


def _unmapped_customer(dossier: Dossier) -> Violation:
    order = dossier.order
    account = order.account if order.wholesale else ""
    nameless = order.wholesale and not account
    others = not nameless and dossier.mappings.currencies_of(order.connection, order.store, account)
    return Violation(
        code="E-CCY-UNMAPPED" if others else "E-CUST-UNMAPPED",
        field="currency" if others else "customer",
        value=f"{order.connection}, store {order.store}, {order.currency}, account {account or '-'}",
        fix="map it to an account of the ERP that is kept in this currency",
        owner=Owner.FINANCE,
        need="customers",
    )


def _check_customer(dossier: Dossier, reference: str) -> None:
    customer = dossier.facts.customers.get(reference)
    if customer is None:
        dossier.found.append(
            Violation(
                "E-CUST-UNKNOWN",
                "customer",
                reference,
                "create the account in the ERP, or map another",
                need="customers",
            )
        )
        return
    if customer.currency != dossier.order.currency:
        value = f"{reference} is kept in {customer.currency}, the order is in {dossier.order.currency}"
        fix = "map an account of the order's currency"
        dossier.found.append(Violation("E-CUST-CURRENCY", "customer", value, fix, Owner.FINANCE, "customers"))
    if customer.on_hold:
        fix = "release the account in the ERP, then retry"
        dossier.found.append(Violation("E-CUST-ONHOLD", "customer", reference, fix, Owner.FINANCE))


def choose_warehouse(dossier: Dossier) -> str:
    """The ERP warehouse, or "" with a complaint."""
    row = dossier.mappings.find_warehouse(dossier.order.connection)
    if row is None:
        value, fix = dossier.order.connection, "map the connection to a warehouse"
        dossier.found.append(Violation("E-WAREHOUSE-UNMAPPED", "warehouse", value, fix, need="warehouses"))
        return ""
    if row.warehouse not in dossier.facts.warehouses:
        fix = "create the warehouse in the ERP, or map another"
        dossier.found.append(
            Violation("E-WAREHOUSE-UNKNOWN", "warehouse", row.warehouse, fix, need="warehouses")
        )
    return row.warehouse


def fill_fields(dossier: Dossier) -> dict[int, str]:
    """Slot -> value for all that is mapped; no default is invented for what is not (R-29)."""
    rows = dossier.mappings.fields_for(dossier.order.connection, dossier.order.store)
    filled = {slot: value for slot, row in rows.items() if (value := _value(dossier, row))}
    for slot in sorted((dossier.facts.required_analysis | rows.keys()) - filled.keys()):
        dossier.found.append(_missing_field(dossier, slot, rows.get(slot)))
    for slot, value in filled.items():
        if len(value) > ANALYSIS_LENGTH:
            text = f"{len(value)} characters"
            fix = f"map a value of at most {ANALYSIS_LENGTH}"
            dossier.found.append(
                Violation("E-REQFIELD", f"analysis_{slot}", text, fix, need="required_fields")
            )
    return filled


def _value(dossier: Dossier, row: FieldRow) -> str:
    return row.constant or str(getattr(dossier.order, row.source or "", ""))


def _missing_field(dossier: Dossier, slot: int, row: FieldRow | None) -> Violation:
    scope = f"{dossier.order.connection}, store {dossier.order.store}"
    rule = f"its row takes {row.source}, which this order lacks" if row else f"add a row for {scope}"
    return Violation(
        "E-REQFIELD", f"analysis_{slot}", "", f"the company requires it: {rule}", need="required_fields"
    )
