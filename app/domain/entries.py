"""From shares of money to lines that the ERP will add up to the same money (finance.md 4.4)."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.domain.dossier import Dossier, Resolved, Share
from app.domain.erp import Entry, EntryKind, Nominal
from app.domain.lanes import normalise
from app.domain.message import Owner, Violation
from app.domain.money import NOTHING
from app.domain.rows import ChargeRow, PostingKind, PostingRow
from app.domain.rules import Subject, fires
from app.domain.solver import Part, price_net, split_gross, split_net
from app.domain.taxes import check_code
from app.domain.text import tidy

NO_NOMINAL = Nominal("")


def write_entries(
    dossier: Dossier, shares: Sequence[Share], products: Resolved, warehouse: str
) -> tuple[Entry, ...]:
    """Complete only if nothing was found wrong: what cannot be told is left blank, and complained of."""
    if not shares:
        return ()
    entries = [entry for share in shares for entry in _write_share(dossier, share, products, warehouse)]
    abroad = sum((share.tax for share in shares if share.treatment.destination_vat), NOTHING)
    entries.extend(_write_sum(dossier, PostingKind.DESTINATION_VAT, abroad))
    booked = sum((entry.net + entry.tax for entry in entries), NOTHING)
    entries.extend(_write_sum(dossier, PostingKind.ROUNDING, dossier.order.totals.gross - booked))
    return tuple(entries)


def _write_share(dossier: Dossier, share: Share, products: Resolved, warehouse: str) -> Iterator[Entry]:
    product = products.get(share.line.ref) if share.line else None
    parts = _solve(dossier, share)
    inclusive = dossier.facts.tax_inclusive
    net = sum((part.total - part.tax if inclusive else part.total for part in parts), NOTHING)
    sku = normalise(product.code if product else share.line.sku if share.line else "")
    nominal, rule = _choose_nominal(dossier, Subject(share.kind, net, sku, product.group if product else ""))
    kind, code, description = _name(dossier, share)
    for part in parts:
        yield Entry(
            kind=kind,
            code=product.code if product else code,
            description=description,
            quantity=Decimal(part.quantity),
            unit_net=part.unit,
            net=part.total - part.tax if inclusive else part.total,
            tax=part.tax,
            tax_code=share.treatment.code or "",
            nominal=nominal,
            warehouse=warehouse if kind is EntryKind.STANDARD else "",
            rule=rule,
            ref=share.line.ref if share.line else "",
        )


def _solve(dossier: Dossier, share: Share) -> tuple[Part, ...]:
    rate = share.treatment.code_rate
    quantity = share.line.quantity if share.line else 1
    included = dossier.order.tax_included
    if share.treatment.destination_vat:
        net = share.amount - share.tax if included else share.amount
        return split_net(net, NOTHING, NOTHING, quantity)
    if dossier.facts.tax_inclusive:
        gross = share.amount if included else share.amount + share.tax
        return split_gross(gross, share.tax, rate, quantity)
    solve = price_net if included else split_net
    return solve(share.amount, share.tax, rate, quantity)


def _name(dossier: Dossier, share: Share) -> tuple[EntryKind, str, str]:
    """(kind, code, description) of an ERP line; a product's code is known from its product."""
    if share.kind is PostingKind.GIFT_CARD:
        return EntryKind.FREE_TEXT, "", tidy(share.line.description if share.line else "") or "Gift card"
    if share.line:
        return EntryKind.STANDARD, "", tidy(share.line.description)
    row = _choose_charge(dossier, share.kind)
    return _name_charge(row) if row else (EntryKind.CHARGE, "", "")


def _name_charge(row: ChargeRow) -> tuple[EntryKind, str, str]:
    return EntryKind.CHARGE if row.code else EntryKind.FREE_TEXT, row.code, row.description


def _write_sum(dossier: Dossier, kind: PostingKind, amount: Decimal) -> Iterator[Entry]:
    """One line outside the scope of VAT."""
    if not amount:
        return
    nominal, rule = _choose_nominal(dossier, Subject(kind, amount))
    row = _choose_charge(dossier, kind)
    if row is None or row.tax_code is None:
        return
    check_code(dossier, row.tax_code, NOTHING)
    entry_kind, code, description = _name_charge(row)
    yield Entry(
        entry_kind, code, description, Decimal(1), amount, amount, NOTHING, row.tax_code, nominal, rule=rule
    )


def _choose_charge(dossier: Dossier, kind: PostingKind) -> ChargeRow | None:
    row = dossier.mappings.find_charge(dossier.order.connection, kind)
    if row is None:
        fix = f"say how {dossier.order.connection} posts {kind}: a charge code, or free text"
        dossier.found.append(Violation("E-CHARGE-UNMAPPED", "charge", kind, fix, Owner.FINANCE, "charges"))
    elif row.code and row.code not in dossier.facts.charges:
        fix = "create the additional charge in the ERP, or map another"
        dossier.found.append(Violation("E-CHARGE-UNKNOWN", "charge", row.code, fix, Owner.FINANCE, "charges"))
    return row


def _choose_nominal(dossier: Dossier, subject: Subject) -> tuple[Nominal, str]:
    """The first rule that fires, and its name; ERP defaults are never relied on (R-59, R-60)."""
    row = next((row for row in dossier.rules if fires(row, subject)), None)
    if row is None:
        value = f"{subject.kind} {subject.sku}".strip()
        fix = f"add a posting rule for {dossier.order.connection}, store {dossier.order.store}, {dossier.route.country}"
        dossier.found.append(
            Violation("E-NOMINAL-UNMAPPED", "nominal", value, fix, Owner.FINANCE, "posting_rules")
        )
        return NO_NOMINAL, ""
    _check_nominal(dossier, row)
    return Nominal(row.nominal, row.cost_centre, row.department), row.rule


def _check_nominal(dossier: Dossier, row: PostingRow) -> None:
    triple = (row.nominal, row.cost_centre, row.department)
    if triple not in dossier.facts.nominals:
        value = "/".join(triple)
        fix = f"create the nominal account in the ERP, or change rule {row.rule}"
        dossier.found.append(
            Violation("E-NOMINAL-UNKNOWN", "nominal", value, fix, Owner.FINANCE, "posting_rules")
        )
