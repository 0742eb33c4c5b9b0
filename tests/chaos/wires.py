"""Taps on the wires of a process: what it says and hears goes through them, and where it is to die, they kill it.

The process is the ordinary one. It dies before its word has an effect, in the middle of it, or after the effect and
before it hears of it.
"""

import asyncio
import os
import re
import signal
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

SSL_REQUEST, CANCEL_REQUEST, GSS_REQUEST = 80877103, 80877102, 80877104
UNIT_ENDS = b"QSHXcf"
"""Of what Postgres is told: query, sync, flush, terminate, end of copied data."""
ANSWER_ENDS = b"ZRGWA"
"""Of what it answers: ready, authentication, copy, notification."""
LOST = (OSError, asyncio.IncompleteReadError)


class Side(StrEnum):
    """When: nothing has reached the other side; half has; it took effect, and nothing of that was heard."""

    BEFORE = "before"
    HALFWAY = "half-way"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Step:
    """`wire`: who speaks to whom (`worker-postgres`). `says`: a pattern that finds it, see `Doom.meets`."""

    wire: str
    says: str


@dataclass
class Doom:
    """`pids`: role -> process that lives now. `struck` is set when the armed blow has fallen."""

    pids: dict[str, int] = field(default_factory=dict)
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    _armed: tuple[Step, Side] | None = None

    def arm(self, step: Step, side: Side) -> None:
        self.struck.clear()
        self._armed = (step, side)

    def meets(self, wire: str, side: Side, text: str) -> bool:
        """Whether the speaker just died of it. `text`: an HTTP request; or all that was said in a transaction that is
        about to commit or has committed, statements with their arguments, and "-> SELECT 3" for what came of each.
        """
        if self._armed is None or self._armed[0].wire != wire or self._armed[1] is not side:
            return False
        if not re.search(self._armed[0].says, text, re.DOTALL):
            return False
        self._armed = None
        self.kill(wire.partition("-")[0])
        self.struck.set()
        return True

    def kill(self, role: str) -> None:
        os.kill(self.pids[role], signal.SIGKILL)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Carry = Callable[[Doom, str, Streams, Streams], Awaitable[None]]


@asynccontextmanager
async def tap(
    doom: Doom, wire: str, carry: Carry, there: Callable[[], tuple[str, int]]
) -> AsyncIterator[int]:
    """The port that stands for wherever `there` is at the time."""
    tasks: set[asyncio.Task] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with suppress(*LOST, asyncio.CancelledError):
            far = await asyncio.open_connection(*there())
            try:
                await carry(doom, wire, (reader, writer), far)
            finally:
                far[1].transport.abort()
        writer.transport.abort()
        tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _both(one: Awaitable[None], other: Awaitable[None]) -> None:
    """Until either direction ends."""
    tasks = [asyncio.ensure_future(way) for way in (one, other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Session:
    """What one connection to Postgres says: its statements by name, and its transaction so far."""

    def __init__(self) -> None:
        self._named: dict[str, str] = {}
        self._said: list[str] = []
        self._idle = True
        self.commits = False
        self.waits = True

    def hears(self, unit: list[tuple[int, bytes]]) -> str:
        """What was said since the transaction began, this unit included. `commits`: it is to be kept. `waits`: the
        answer ends with "ready"; a mere flush has no such end.
        """
        self.waits = unit[-1][0] != ord("H")
        told = [text for kind, body in unit if (text := self._text(kind, body))]
        begins = any(text.startswith("BEGIN") for text in told)
        if self._idle:
            self._said.clear()
        self._said += told
        self.commits = bool(told) and ((self._idle and not begins) or told[-1].startswith("COMMIT"))
        return "\n".join(self._said)

    def answered(self, kind: int, body: bytes) -> None:
        if kind == ord("C"):
            self._said.append(f"-> {body[:-1].decode()}")
        if kind == ord("Z"):
            self._idle = body == b"I"

    def whole(self) -> str:
        return "\n".join(self._said)

    def _text(self, kind: int, body: bytes) -> str:
        if kind == ord("Q"):
            return body[:-1].decode("utf-8", "replace")
        if kind == ord("P"):
            name, text, _ = body.split(b"\0", 2)
            self._named[name.decode()] = text.decode("utf-8", "replace")
        if kind == ord("B"):
            _, name, given = body.split(b"\0", 2)
            return f"{self._named.get(name.decode(), '')} <- {given.decode('latin-1')}"
        return ""


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(5)
    kind, length = struct.unpack("!BI", head)
    return kind, await reader.readexactly(length - 4)


def _packed(frames: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack("!BI", kind, len(body) + 4) + body for kind, body in frames)


async def _greet(near: Streams, far: Streams) -> bool:
    """Passes on what comes before the first ordinary message; False when that was all."""
    while True:
        length = await near[0].readexactly(4)
        rest = await near[0].readexactly(int.from_bytes(length) - 4)
        far[1].write(length + rest)
        code = int.from_bytes(rest[:4])
        if code == CANCEL_REQUEST:
            await far[1].drain()
            return False
        if code not in {SSL_REQUEST, GSS_REQUEST}:
            return True
        near[1].write(await far[0].readexactly(1))


async def postgres(doom: Doom, wire: str, near: Streams, far: Streams) -> None:
    """Servers of tests speak without TLS."""
    session = _Session()

    async def ask() -> None:
        unit: list[tuple[int, bytes]] = []
        while True:
            unit.append(await _frame(near[0]))
            if unit[-1][0] not in UNIT_ENDS:
                continue
            said = session.hears(unit)
            if session.commits and doom.meets(wire, Side.BEFORE, said):
                return
            far[1].write(_packed(unit))
            await far[1].drain()
            unit = []

    async def answer() -> None:
        heard: list[tuple[int, bytes]] = []
        while True:
            heard.append(await _frame(far[0]))
            session.answered(*heard[-1])
            if heard[-1][0] not in ANSWER_ENDS and session.waits:
                continue
            ready = heard[-1][0] == ord("Z")
            if ready and session.commits and doom.meets(wire, Side.AFTER, session.whole()):
                return
            near[1].write(_packed(heard))
            await near[1].drain()
            heard = []

    if await _greet(near, far):
        await _both(ask(), answer())


async def http(doom: Doom, wire: str, near: Streams, far: Streams) -> None:
    """Requests with a Content-Length, one after the other, as httpx sends them."""
    now = ""

    async def ask() -> None:
        nonlocal now
        while True:
            head = await near[0].readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            whole = head + await near[0].readexactly(int(length[1]) if length else 0)
            now = whole.decode("utf-8", "replace")
            if doom.meets(wire, Side.BEFORE, now):
                return
            far[1].write(whole[: len(head) + (len(whole) - len(head)) // 2])
            await far[1].drain()
            if doom.meets(wire, Side.HALFWAY, now):
                return
            far[1].write(whole[len(head) + (len(whole) - len(head)) // 2 :])
            await far[1].drain()

    async def answer() -> None:
        while part := await far[0].read(65_536):
            if doom.meets(wire, Side.AFTER, now):
                return
            near[1].write(part)
            await near[1].drain()

    await _both(ask(), answer())


async def redis(doom: Doom, wire: str, near: Streams, far: Streams) -> None:
    """What is written at once is one step."""
    now = ""

    async def ask() -> None:
        nonlocal now
        while part := await near[0].read(65_536):
            now = part.decode("utf-8", "replace")
            if doom.meets(wire, Side.BEFORE, now):
                return
            far[1].write(part)
            await far[1].drain()

    async def answer() -> None:
        while part := await far[0].read(65_536):
            if doom.meets(wire, Side.AFTER, now):
                return
            near[1].write(part)
            await near[1].drain()

    await _both(ask(), answer())
