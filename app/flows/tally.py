"""What a channel was really asked, against what was drawn from its budget when it was claimed."""

from collections.abc import Awaitable
from dataclasses import dataclass

from app.domain.channel import Meter


@dataclass(slots=True)
class Tally:
    """A claim draws one request for each slot. An acknowledgement makes two, an order that came along none: the difference
    is owed, and drawn or given back with the next claim. `drawn`: for what is over; what is in flight may have been asked
    already, so that it is never counted late.
    """

    meter: Meter | None
    drawn: int = 0

    async def after(self, batch: Awaitable[None], drawn: int) -> None:
        await batch
        self.drawn += drawn

    def owed(self) -> int:
        return self.meter.asked - self.drawn if self.meter else 0
