"""Which tax code a line gets: by route, buyer and rate together, never by rate alone (R-61, finance.md 4.2)."""

from collections.abc import Iterable
from decimal import Decimal

from app.domain.dossier import Dossier, Treatment
from app.domain.message import Owner, Violation
from app.domain.order import Line, LineKind, Order
from app.domain.rows import TaxRow

BUSINESS, CONSUMER = "business", "consumer"


def buyer_of(order: Order) -> str:
    """A VAT number or a wholesale order makes a business."""
    has_number = order.invoice.vat_number or order.delivery.vat_number
    return BUSINESS if order.wholesale or has_number else CONSUMER


def treat_lines(
    dossier: Dossier, lines: Iterable[Line], goods_net: Decimal
) -> dict[tuple[LineKind, Decimal], Treatment]:
    """(kind, rate) -> treatment, each looked up and complained of once. `goods_net`: for rows with a limit."""
    kinds = dict.fromkeys((line.kind, line.tax_rate) for line in lines)
    return {(kind, rate): _treat(dossier, kind, rate, goods_net) for kind, rate in kinds}


def _treat(dossier: Dossier, kind: LineKind, rate: Decimal, goods_net: Decimal) -> Treatment:
    gift = kind is LineKind.GIFT_CARD and dossier.options.gift_cards != "single_purpose"
    rows = dossier.mappings.find_taxes(dossier.route, gift=gift)
    fitting = [row for row in rows if row.rate == rate and _within_limit(row, dossier, goods_net)]
    if not fitting:
        dossier.found.append(_unmapped(dossier, rate, rows))
        return Treatment(None, rate)
    row = fitting[0]
    check_code(dossier, row.code, row.code_rate)
    return Treatment(row.code, rate, row.destination_vat)


def check_code(dossier: Dossier, code: str, rate: Decimal) -> None:
    """The ERP's code must exist and bear the rate that we reckon with."""
    known = dossier.facts.tax_codes.get(code)
    if known is not None and known.rate == rate:
        return
    has = "does not exist" if known is None else f"is {known.rate} %"
    dossier.found.append(
        Violation(
            code="E-VAT-MISMATCH",
            field="tax_code",
            value=f"code {code} {has} in the ERP",
            fix=f"map {rate} % to a code that bears it, or mend the code in the ERP",
            owner=Owner.FINANCE,
            need="tax_codes",
        )
    )


def _within_limit(row: TaxRow, dossier: Dossier, goods_net: Decimal) -> bool:
    return row.most is None or (row.most_currency == dossier.order.currency and goods_net <= row.most)


def _unmapped(dossier: Dossier, rate: Decimal, rows: tuple[TaxRow, ...]) -> Violation:
    """No row for the route at all, or the channel's rate is not one that the route may bear."""
    route = dossier.route
    way = f"{route.ship_from or '?'} to {route.country or '?'}, {route.buyer}, {route.day}"
    allowed = ", ".join(sorted({f"{row.rate} %" for row in rows}))
    return Violation(
        code="E-VAT-MISMATCH" if rows else "E-VAT-UNMAPPED",
        field="tax_rate",
        value=f"{rate} % from {way}",
        fix=f"the mapping allows {allowed}: correct the channel's tax rule or add a row"
        if rows
        else "add a row",
        owner=Owner.FINANCE,
        need="tax_codes",
    )
