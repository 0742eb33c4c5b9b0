"""Open-model load: shoppers and webhooks come when they come, whether those before them were answered or not."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from app.connectors.centra.webhook import Hook, receive
from app.demo.errors import DemoError
from app.demo.shoppers import Shop
from app.demo.sight import Telling
from app.demo.stage import CONNECTIONS, Connection, Stage
from app.sandbox.centra.dates import keep
from app.sandbox.centra.sign import sign, write_body
from tests.chaos.history import Delivery

CONTENT_TYPE = "application/x-www-form-urlencoded"


async def pause(seconds: float) -> None:
    """Real time must pass here: processes outside are at work."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


async def arrive(
    deed: Callable[[], Coroutine[None, None, None]],
    per_second: float,
    chance: random.Random,
    over: asyncio.Event,
) -> None:
    """Until it is over, and those that came are answered: each begins after a random interval, none waits for another."""
    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            await pause(chance.expovariate(per_second))
            group.create_task(deed())


def key_of(event: dict[str, object], connection: Connection) -> str:
    """The permanent key that Sluice gives to a webhook's event."""
    raw = write_body([event], connection.space)
    moment = datetime.now(UTC)
    headers = {"x-centra-signature": sign(connection.secret, int(moment.timestamp()), raw)}
    [draft] = receive(raw, headers, moment, hook=Hook(connection.name, (connection.secret.encode(),)))
    return str(draft.key)


@dataclass
class Load:
    """`tellings`: by order number, as the sandbox tells its own. `answers`: of webhooks, by status (0: none). `seconds`: how long those took that were answered 202."""

    stage: Stage
    shop: Shop
    chance: random.Random
    placed: list[tuple[Connection, int]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    tellings: list[tuple[int, Telling]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    turned_away: int = 0

    async def order(self) -> None:
        wish = self.shop.order(self.chance.choice((1, 1, 2, 3)))
        try:
            made = await self.stage.vendors.place(wish)
        except (httpx.TransportError, DemoError):
            self.turned_away += 1
            return
        connection = next(one for one in CONNECTIONS if one.store == wish["store"])
        self.placed.append((connection, made["number"]))

    async def notify(self) -> None:
        """Tells Sluice once more of an order, as Centra would."""
        if not self.placed:
            return
        connection, number = self.chance.choice(self.placed)
        began = datetime.now(UTC)
        date = began.strftime("%Y-%m-%d %H:%M:%S.%f")
        event: dict[str, object] = {"type": "order", "action": "update", "date": date, "id": number}
        status = await self._post(connection, [event])
        self.answers[status] += 1
        self.tellings.append((number, Telling(keep(began), keep(datetime.now(UTC)), sure=status == 202)))
        self.deliveries.append(Delivery(key_of(event, connection), sure=status == 202))

    async def _post(self, connection: Connection, events: Sequence[dict[str, object]]) -> int:
        raw = write_body(list(events), connection.space)
        signature = sign(connection.secret, int(datetime.now(UTC).timestamp()), raw)
        headers = {"content-type": CONTENT_TYPE, "x-centra-signature": signature}
        url = f"{self.stage.gateway.url}/webhooks/centra/{connection.name}"
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            answer = await self.stage.http.post(url, content=raw, headers=headers, timeout=5)
        except httpx.TransportError:
            return 0
        if answer.status_code == 202:
            self.seconds.append(clock() - began)
        return answer.status_code
