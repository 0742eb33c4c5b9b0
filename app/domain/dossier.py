"""The dossier of one order that is examined: what is known of it, and everything found wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from app.domain.erp import Facts, Product
from app.domain.message import Violation
from app.domain.order import Line, Order
from app.domain.rows import PostingKind, PostingRow
from app.domain.rules import Mappings, Route


@dataclass(frozen=True, slots=True)
class Options:
    """`prefix`: of the connection's keys. `channel`: the connector's name, for posting rules. `charset`: of the addresses
    that the ERP takes, a codec. `gift_cards`: finance.md 4.7; None parks them. `tolerance`: how far a unit's price
    may differ from the ERP's; None compares nothing.
    """

    prefix: str
    channel: str
    charset: str = "utf-8"
    gift_cards: Literal["multi_purpose", "single_purpose"] | None = None
    tolerance: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Dossier:
    """`rules`: the posting rules that can fire on the route. `found` grows while the order is looked at."""

    order: Order
    mappings: Mappings
    facts: Facts
    options: Options
    route: Route
    rules: tuple[PostingRow, ...]
    found: list[Violation]


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a line is taxed. `code` is None where no row allows it; `rate` is then the channel's."""

    code: str | None
    rate: Decimal
    destination_vat: bool = False

    @property
    def code_rate(self) -> Decimal:
        return Decimal(0) if self.destination_vat else self.rate


@dataclass(frozen=True, slots=True)
class Share:
    """A piece of the order's money: `amount` after all discounts in the order's price mode, `tax` by the channel's
    arithmetic. `line` for goods only.
    """

    kind: PostingKind
    amount: Decimal
    tax: Decimal
    treatment: Treatment
    line: Line | None = None


Resolved = Mapping[str, Product]
"""Line ref -> product, for the lines whose code was found."""
