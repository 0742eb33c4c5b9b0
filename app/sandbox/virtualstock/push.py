"""What Virtualstock tells others: the tracking webhook, to retailers, and a push of orders that is our own extension
(virtualstock.md 8). JSON with HTTP Basic, tried again for a day.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.sandbox.mirror import Doc, View
from app.sandbox.store import Call
from app.sandbox.virtualstock.present import ORDERS_ROOT, link
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

HOOK = "virtualstock.hook"
TIMEOUT_SECONDS = 10.0
KINDS = ("order", "tracking")


def check_hook(wish: Doc) -> Doc:
    """`{"account", "url", "username", "password", "kinds"?}`. Raises ValueError."""
    missing = {"account", "url", "username", "password"} - set(wish)
    kinds = wish.get("kinds", list(KINDS))
    if missing or set(kinds) - set(KINDS) or not str(wish["url"]).startswith(("http://", "https://")):
        raise ValueError(f"a hook has account, url, username, password, and kinds of {', '.join(KINDS)}")
    return {name: wish[name] for name in ("account", "url", "username", "password")} | {"kinds": kinds}


class Pusher:
    def __init__(self, world: World) -> None:
        self._world = world

    def tell_order(self, order: Doc, event: str) -> None:
        """`event`: order.created, order.cancel_requested, order.return_requested."""
        if not setting(self._world, "push_orders"):
            return
        now = self._world.clock.now()
        body = {
            "event_id": f"{self._world.rng.getrandbits(128):032x}",
            "event": event,
            "occurred_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "order_url": link(f"{ORDERS_ROOT}/orders/{order['id']}"),
            "order_reference": order["order_reference"],
        }
        self._start("order", order, body)

    def tell_tracking(self, order: Doc, body: dict[str, Any]) -> None:
        self._start("tracking", order, body)

    def _start(self, kind: str, order: Doc, body: dict[str, Any]) -> None:
        for hook in hooks_of(self._world.store.read(), order["account"], kind):
            self._world.tasks.start(self._carry(hook, order["order_reference"], body))

    async def _carry(self, hook: Doc, key: str, body: dict[str, Any]) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            for wait in (*setting(self._world, "push_retry_seconds"), None):
                if await self._attempt(client, hook, key, body) or wait is None:
                    return
                await self._world.clock.sleep(wait)

    async def _attempt(self, client: httpx.AsyncClient, hook: Doc, key: str, body: dict[str, Any]) -> bool:
        path = urlsplit(hook["url"]).path
        fault = self._world.faults.decide("virtualstock", "POST", "push") or ""
        status = 0
        if not fault:
            try:
                answer = await client.post(hook["url"], json=body, auth=(hook["username"], hook["password"]))
                status = answer.status_code
            except httpx.HTTPError:
                status = 0
        with self._world.store.record(Call("virtualstock.push", "POST", path, status, key, fault)):
            pass
        return 200 <= status < 300


def hooks_of(view: View, account: str, kind: str) -> Sequence[Doc]:
    return [hook for hook in view.find(HOOK, account=account) if kind in hook["kinds"]]
