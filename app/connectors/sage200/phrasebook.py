"""What a refusal of Sage's means, and which decision it leads to (R-54). This connector knows no database, so the root tells
it whom to ask what people say of Sage's texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.connectors.sage200.classify import cause, message, redact
from app.connectors.sage200.replies import Reply
from app.domain.erp import SalesOrder
from app.domain.errors import LockedError, PermanentError, SluiceError, TransientError
from app.domain.refusals import Cause, PhraseRow, Phrases

CODES: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.ACCOUNT: "E-CUST-ONHOLD",
        Cause.PRODUCT: "E-SKU-INACTIVE",
        Cause.PERIOD: "E-PERIOD-CLOSED",
        Cause.PERMISSION: "E-SAGE-FORBIDDEN",
    }
)


async def no_phrases() -> tuple[PhraseRow, ...]:
    return ()


@dataclass(slots=True)
class Phrasebook:
    """`locked`: of the settings. `phrases` is asked at each refusal, so that a new row holds at once."""

    locked: tuple[str, ...]
    phrases: Phrases = no_phrases

    def consult(self, phrases: Phrases) -> None:
        self.phrases = phrases

    async def means(self, reply: Reply) -> Cause:
        return cause(reply.status, message(reply.body), self.locked, await self.phrases())


def told(reply: Reply, order: SalesOrder | None) -> str:
    """Sage's own words, without the shopper's data that was sent with the order."""
    text = message(reply.body)
    if order is None:
        return text
    to = order.delivery
    return redact(text, (to.name, *to.lines, to.city, to.postcode, to.contact, to.phone, to.email))


def refusal(why: Cause, reply: Reply, text: str) -> SluiceError:
    """`text`: as `told`."""
    if why is Cause.LOCKED:
        return LockedError(f"locked in Sage: {text}")
    if why is Cause.PASSING:
        return TransientError(f"Sage answered {reply.status}: {text}")
    if why is Cause.UNKNOWN and text:
        return PermanentError("E-SAGE-UNKNOWN", text, need="phrases")
    return PermanentError(
        CODES.get(why, "E-SAGE-REJECTED"), text or f"Sage refused with {reply.status}, no text"
    )
