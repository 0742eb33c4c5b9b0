"""Applies the generic fault kinds around every vendor's handlers and sees to it that each call leaves a history row."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.sandbox.faults import Rule
from app.sandbox.store import Call
from app.sandbox.world import World

CALL = "sandbox.call"
RULE = "sandbox.rule"
TRANSPORT = "sandbox.transport"
HTML = "<html><head><title>Server Error</title></head><body><h1>Server Error in '/' Application.</h1></body></html>"
SLOW_SECONDS = 5.0
NO_FAULT = ""


class Disturb:
    """Leaves the `Call` of the request in `scope["sandbox.call"]`: a handler that changes documents records it itself
    (`store.record(call)`), any other is recorded here before its answer leaves. A kind without a handler here is the
    vendor's own: the handler finds it in `call.fault`, and the rule in `scope["sandbox.rule"]`.
    """

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world
        self._generic: dict[str, Callable[[Asked], Awaitable[None]]] = {
            "drop": self._drop,
            "reset": self._reset,
            "slow": self._slow,
            "commit_then_drop": self._commit_then_drop,
            "commit_then_504": self._commit_then_504,
            "drop_then_commit": self._drop_then_commit,
            **dict.fromkeys(ANSWERS, self._refuse),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        system = scope["path"].split("/")[1]
        rule = self._world.faults.pick(system, scope["method"], scope["path"])
        call = Call(system, scope["method"], scope["path"], fault=rule.kind if rule else "")
        scope[CALL] = call
        scope[RULE] = rule
        asked = Asked(scope, receive, send, call, rule or Rule(kind=NO_FAULT))
        await self._generic.get(call.fault, self._do)(asked)

    async def _do(self, asked: "Asked") -> None:
        async def tell_first(message: Message) -> None:
            if message["type"] == "http.response.start" and not asked.call.recorded:
                self._tell(asked.call, message["status"])
            await asked.send(message)

        try:
            await self._app(asked.scope, asked.receive, tell_first)
        except Exception:
            if not asked.call.recorded:
                self._tell(asked.call, 500)
            raise

    def _tell(self, call: Call, status: int) -> None:
        call.status = status
        with self._world.store.record(call):
            pass

    async def _drop(self, asked: "Asked") -> None:
        await asked.read_body()
        self._tell(asked.call, 0)
        await hang_up(asked)

    async def _reset(self, asked: "Asked") -> None:
        self._tell(asked.call, 0)
        await hang_up(asked, abruptly=True)

    async def _slow(self, asked: "Asked") -> None:
        await self._world.clock.sleep(SLOW_SECONDS if asked.rule.seconds is None else asked.rule.seconds)
        await self._do(asked)

    async def _refuse(self, asked: "Asked") -> None:
        answer = ANSWERS[asked.rule.kind]
        headers = {} if asked.rule.retry_after is None else {"Retry-After": str(asked.rule.retry_after)}
        self._tell(asked.call, answer[0])
        response = Response(answer[1], answer[0], headers, answer[2])
        await response(asked.scope, asked.receive, asked.send)

    async def _commit_then_drop(self, asked: "Asked") -> None:
        await self._do(asked.muted())
        await hang_up(asked)

    async def _commit_then_504(self, asked: "Asked") -> None:
        await self._do(asked.muted())
        await Response(status_code=504)(asked.scope, asked.receive, asked.send)

    async def _drop_then_commit(self, asked: "Asked") -> None:
        late = asked.muted(await asked.read_body())
        most = (
            self._world.switches["server_timeout_seconds"]
            if asked.rule.seconds is None
            else asked.rule.seconds
        )

        async def commit() -> None:
            await self._world.clock.sleep(self._world.rng.uniform(0, most))
            await self._do(late)

        self._world.tasks.start(commit())
        await hang_up(asked)


ANSWERS: Mapping[str, tuple[int, str, str | None]] = MappingProxyType(
    {
        "status_400_empty": (400, "", None),
        "status_401": (401, "", None),
        "status_403": (403, "", None),
        "status_429": (429, "Too many requests", "text/plain"),
        "status_500_html": (500, HTML, "text/html"),
        "status_503": (503, "", None),
        "status_504": (504, "", None),
    }
)


class Asked:
    """One request on its way: where it came from and the rule that hit it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, call: Call, rule: Rule) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.call = call
        self.rule = rule

    async def read_body(self) -> bytes:
        body = b""
        while True:
            message = await self.receive()
            body += bytes(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return body

    def muted(self, body: bytes | None = None) -> "Asked":
        """The same request whose answer nobody hears; with `body`, one that was read already."""

        async def replay() -> Message:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def hush(_: Message) -> None:
            await asyncio.sleep(0)

        return Asked(self.scope, self.receive if body is None else replay, hush, self.call, self.rule)


async def hang_up(asked: Asked, *, abruptly: bool = False) -> None:
    """Closes the TCP connection without an answer; `abruptly` = with a reset."""
    transport: asyncio.Transport = asked.scope[TRANSPORT]
    if abruptly:
        linger_off(transport)
        transport.abort()
    else:
        transport.close()
    while (await asked.receive())["type"] != "http.disconnect":
        pass


def linger_off(transport: asyncio.Transport) -> None:
    raw: socket.socket = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
