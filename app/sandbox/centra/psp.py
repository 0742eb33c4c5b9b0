"""The payment provider that settles requested captures when their time has come, also those of before a restart."""

from collections.abc import Callable
from datetime import datetime

from app.sandbox.centra import capture
from app.sandbox.centra.desk import Desk, keep_order
from app.sandbox.centra.shop import ORDER
from app.sandbox.mirror import Doc
from app.sandbox.store import Call, Change
from app.sandbox.world import World


class Provider:
    """`changed` is called when webhooks may wait."""

    def __init__(self, world: World, changed: Callable[[], None]) -> None:
        self._world = world
        self._changed = changed
        self._awaited: set[int] = set()

    def wake(self) -> None:
        """Needs a running loop. A request that has no time waits for a deed."""
        for request in self._world.store.read().seek(capture.REQUEST):
            if request["due_at"] is not None and request["entry"] not in self._awaited:
                self._awaited.add(request["entry"])
                self._world.tasks.start(self._settle(request["entry"], request["due_at"]))

    async def _settle(self, entry: int, due_at: str) -> None:
        wait = datetime.fromisoformat(due_at) - self._world.clock.now()
        await self._world.clock.sleep(wait.total_seconds())
        pointer = self._world.store.read().get(capture.REQUEST, entry)
        if pointer is None:
            return
        call = Call("centra.psp", "POST", "capture", key=str(pointer["order"]))
        with self._world.store.record(call) as change:
            self._settle_order(change, pointer)
        self._changed()

    def _settle_order(self, change: Change, pointer: Doc) -> None:
        order = change.get(ORDER, pointer["order"])
        if order is None:
            raise ValueError(f"no order {pointer['order']}")
        desk = Desk(self._world, change, self._world.clock.now())
        request = next(one for one in order["requests"] if one["entry"] == pointer["entry"])
        capture.settle(desk, order, request, succeeds=not request["fails"])
        keep_order(desk, order, order["status"], own=False)
