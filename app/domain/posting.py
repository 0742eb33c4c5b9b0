"""From a channel's order to the ERP's: complete and to the penny, or everything that stands in the way (R-30)."""

from collections.abc import Iterator

from app.domain.agreement import agree
from app.domain.calendar import civil_day
from app.domain.dossier import Dossier, Options
from app.domain.entries import write_entries
from app.domain.erp import Facts, SalesOrder, Wanted
from app.domain.heading import choose_customer, choose_warehouse, fill_fields, find_account
from app.domain.identify import identify, wanted_products
from app.domain.message import Owner, Violation
from app.domain.money import NOTHING, PENNY, quantum
from app.domain.order import LineKind, Order
from app.domain.pricing import flag_tax, price
from app.domain.reference import probe_key
from app.domain.rules import Mappings, Route
from app.domain.taxes import buyer_of
from app.domain.text import fit_delivery


def wanted(order: Order, mappings: Mappings) -> Wanted:
    """What `plan` needs to know of the ERP."""
    customer = find_account(order, mappings)
    products = wanted_products(order, mappings)
    return Wanted(
        customers=frozenset({customer.reference} if customer else ()),
        products=products.products,
        barcodes=products.barcodes,
    )


def plan(
    order: Order, mappings: Mappings, facts: Facts, options: Options
) -> SalesOrder | tuple[Violation, ...]:
    """The sales order that should exist, or all violations at once, in the order of the document.

    `facts` must cover `wanted(order, mappings)`, and hold the prices of `quotes` of it: what they lack counts as unknown
    in the ERP.
    """
    dossier = _open_dossier(order, mappings, facts, options)
    customer = choose_customer(dossier)
    warehouse = choose_warehouse(dossier)
    analysis = fill_fields(dossier)
    delivery, misfits = fit_delivery(order.delivery, options.charset)
    dossier.found.extend((*misfits, *_unpostable(order, options)))
    products = identify(dossier)
    dossier = agree(dossier, customer, products)
    order = dossier.order
    shares = price(dossier)
    entries = write_entries(dossier, shares, products, warehouse)
    if dossier.found:
        return tuple(dict.fromkeys(dossier.found))
    tax = sum((entry.tax for entry in entries), NOTHING)
    key = probe_key(options.prefix, order.ref)
    return SalesOrder(
        key=key,
        trace=key,
        customer=customer,
        currency=order.currency,
        document_date=dossier.route.day,
        delivery=delivery,
        entries=entries,
        net=order.totals.gross - tax,
        tax=tax,
        gross=order.totals.gross,
        analysis=analysis,
        flags=flag_tax(order, shares, tax),
        deliver_from=order.deliver_from,
        deliver_by=order.deliver_by,
    )


def _open_dossier(order: Order, mappings: Mappings, facts: Facts, options: Options) -> Dossier:
    warehouse = mappings.find_warehouse(order.connection)
    route = Route(
        channel=options.channel,
        connection=order.connection,
        store=order.store,
        currency=order.currency,
        ship_from=warehouse.ships_from if warehouse else "",
        country=order.delivery.country or order.country,
        buyer=buyer_of(order),
        day=civil_day(order.placed_at),
    )
    return Dossier(order, mappings, facts, options, route, mappings.rules_for(route), [])


def _unpostable(order: Order, options: Options) -> Iterator[Violation]:
    if quantum(order.currency) < PENNY:
        fix = "the ERP keeps two places: post this order by hand"
        yield Violation("E-CCY-UNMAPPED", "currency", order.currency, fix, Owner.FINANCE)
    live = [line for line in order.lines if line.quantity]
    if not live:
        yield Violation(
            "E-ORDER-EMPTY", "lines", "", "nothing is left to send: cancel it in the channel", Owner.CX
        )
    if options.gift_cards is None and any(line.kind is LineKind.GIFT_CARD for line in live):
        fix = "decide whether gift cards are multi-purpose or single-purpose vouchers; post this one by hand"
        yield Violation("E-GIFT-CARD", "lines", "", fix, Owner.FINANCE)
