"""The words that a day is written in."""

from dataclasses import dataclass, field
from typing import Any, Literal

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A shopper's checkout. `name`: by which later steps know the order; `wish`: as the sandbox takes it."""

    name: str
    wish: Doc


@dataclass(frozen=True, slots=True)
class Sell:
    """A retailer's system sends an order to Virtualstock."""

    name: str
    wish: Doc


@dataclass(frozen=True, slots=True)
class Despatch:
    """Wait until Sage has the order, then its warehouse sends all of it. `note`: courier and tracking number."""

    name: str
    note: Doc


@dataclass(frozen=True, slots=True)
class Stand:
    """Wait until Sage has the order."""

    name: str


@dataclass(frozen=True, slots=True)
class Ship:
    """Wait until Sage has the order, then the channel's own warehouse ships all of it. `parcel`: as the sandbox takes it."""

    name: str
    parcel: Doc


@dataclass(frozen=True, slots=True)
class Open:
    """Wait until Sage has the order, then somebody opens it there: nobody else can change it."""

    name: str
    user: str


@dataclass(frozen=True, slots=True)
class Close:
    """After `seconds` more."""

    name: str
    user: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Amend:
    """`act`: edit, cancel or release, as staff do it in Centra."""

    name: str
    act: Literal["edit", "cancel", "release"]
    wish: Doc = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Map:
    """Wait until the order is parked for want of a row of this table, then add it through the API."""

    name: str
    table: str
    row: Doc


@dataclass(frozen=True, slots=True)
class Quiet:
    """Wait until nothing is on its way to Sage, at most `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Sage's way in is opened or shut: everything that is sent meanwhile is answered 504."""

    up: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Wait until Sluice has read the newest state of these orders."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL, while something is in hand."""

    process: str


@dataclass(frozen=True, slots=True)
class Tell:
    """A line for whoever watches."""

    text: str


Step = (
    Place | Sell | Stand | Despatch | Ship | Open | Close | Amend | Map | Quiet | Tunnel | Seen | Kill | Tell
)
