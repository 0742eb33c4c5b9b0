"""Why a page is not shown. Nothing of the request is echoed."""

from collections.abc import Mapping
from types import MappingProxyType

TITLES: Mapping[int, str] = MappingProxyType(
    {
        400: "This cannot be understood",
        403: "Your key does not allow this",
        404: "There is nothing here",
        405: "This cannot be done here",
        409: "This cannot be settled so",
        413: "This is too much",
        500: "Something failed here",
        503: "The database does not answer",
    }
)


class RefusalError(Exception):
    """`status` is a key of TITLES; `detail` is a sentence for a person."""

    def __init__(self, status: int, detail: str = "") -> None:
        super().__init__(detail or TITLES[status])
        self.status = status
        self.detail = detail


class StrangerError(Exception):
    """Nobody has signed in, or no longer: the door is shown."""
