"""The retailers that the suppliers serve, each with habits of its own (virtualstock.md 6.4, 9.1, 13)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.store import Change

RETAILER = "virtualstock.retailer"
CARRIER = "virtualstock.carrier"
CARRIERS = (
    ("2go", "2GO"),
    ("dpd", "DPD"),
    ("dpd-uk", "DPD UK"),
    ("royal-mail", "Royal Mail"),
    ("parcel-force", "Parcelforce"),
    ("evri", "Evri"),
    ("yodel", "Yodel"),
    ("dhl", "DHL Express"),
    ("ups", "UPS"),
    ("dx", "DX Freight"),
    ("arrowxl", "ArrowXL"),
    ("tnt-uk", "TNT UK"),
)


@dataclass(frozen=True, slots=True)
class Retailer:
    """`identifier`: what `part_number` holds: retailer_sku, stock_number or ean. `supplier_sku`: whether lines carry the
    supplier's own. `routes`, `ack_sub_statuses`, `backorder_sub_statuses`: what may be sent, nothing where empty.
    `required`: fields that an acknowledgement must have. `comments`: all, not_on_backorder, none. `carriers`: the
    subset allowed, all where empty. `prices`: whether lines bear a cost. `line_refs`: plain, zeros. `tidy`: whether
    addresses are filled in as one would hope.
    """

    id: int
    code: str
    name: str
    uuid: str
    identifier: str = "retailer_sku"
    supplier_sku: bool = True
    ean: bool = False
    routes: tuple[str, ...] = ()
    ack_sub_statuses: tuple[str, ...] = ()
    backorder_sub_statuses: tuple[str, ...] = ("Out of Stock", "Pending", "Stock Due In")
    required: tuple[str, ...] = ()
    backorder_needs_delivery: bool = False
    comments: str = "all"
    part_dispatch: bool = True
    part_cancel: bool = True
    carriers: tuple[str, ...] = ()
    prices: bool = True
    line_refs: str = "plain"
    tidy: bool = True
    references: str = "letter"
    product_names: str = "standard"
    invoices: bool = True


ARGOS_LIKE = Retailer(
    31,
    "ARG",
    "Argosy Stores",
    "0b6f6a52-51f5-4d7e-9b1e-3f2f6a0d1c77",
    comments="not_on_backorder",
    part_dispatch=False,
    part_cancel=False,
)
JOHN_LEWIS_LIKE = Retailer(
    47,
    "JLW",
    "Lewison Partners",
    "6d0f2f3a-7d55-4a6b-8a55-0c1f4be0a911",
    identifier="stock_number",
    ean=True,
    routes=("Direct to customer",),
    ack_sub_statuses=("Pending",),
    required=("fulfillment_route", "supplier_delivery_date"),
    backorder_needs_delivery=True,
    references="digits",
    product_names="special",
)
AWKWARD = Retailer(
    58,
    "AWK",
    "Hartley & Vale",
    "f3a2c1de-0d7b-4f8e-9a27-5d1b6e4c8a02",
    identifier="ean",
    supplier_sku=False,
    comments="none",
    backorder_needs_delivery=True,
    carriers=("dpd", "royal-mail", "evri"),
    prices=False,
    line_refs="zeros",
    tidy=False,
    references="long",
    invoices=False,
)
DEFAULTS: Mapping[str, Retailer] = MappingProxyType(
    {one.code: one for one in (ARGOS_LIKE, JOHN_LEWIS_LIKE, AWKWARD)}
)


def seed_retailers(change: Change, wishes: list[Doc]) -> list[Doc]:
    """The three, and what shall differ: `{"code", ...}`; another code is another retailer. Raises ValueError."""
    known = {code: asdict(one) for code, one in DEFAULTS.items()}
    names = {one.name for one in fields(Retailer)}
    for wish in wishes:
        if set(wish) - names:
            raise ValueError(f"a retailer has {', '.join(sorted(names))}")
        known[wish["code"]] = {**known.get(wish["code"], {}), **wish}
    made = [asdict(_read(doc)) for doc in known.values()]
    for doc in made:
        change.put(RETAILER, doc["id"], doc)
    return made


def seed_carriers(change: Change) -> None:
    if next(iter(change.seek(CARRIER)), None) is None:
        for number, (slug, name) in enumerate(CARRIERS, start=1):
            change.put(CARRIER, slug, {"id": number, "slug": slug, "name": name})


def find_retailer(view: View, code: str) -> Retailer:
    """By code. Raises ValueError."""
    found = view.find(RETAILER, code=code)
    if not found:
        raise ValueError(f"no retailer {code}")
    return _read(found[0])


def retailer_of(view: View, id_: int) -> Retailer:
    doc = view.get(RETAILER, id_)
    if doc is None:
        raise ValueError(f"no retailer {id_}")
    return _read(doc)


def _read(doc: Doc) -> Retailer:
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in doc.items()
    }
    return Retailer(**plain)
