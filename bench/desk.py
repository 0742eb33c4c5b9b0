"""Keep-alive connections that send prepared requests, and what is noted of the answers."""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

DONE = b"\r\n\r\n"
LENGTH = b"content-length: "
ACCEPTED = b"HTTP/1.1 202"


@dataclass(slots=True)
class Tape:
    """What was measured between `since` and `until` (perf_counter)."""

    since: float
    until: float
    millis: "array[float]" = field(default_factory=lambda: array("d"))
    refused: int = 0

    def note(self, began: float, ended: float, *, accepted: bool) -> None:
        if self.since <= ended < self.until:
            self.millis.append((ended - began) * 1000)
            self.refused += not accepted


class Line(asyncio.Protocol):
    """One keep-alive connection with one request at a time under way."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._began = 0.0
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._desk.free(self)

    def send(self, request: bytes, began: float) -> None:
        self._began = began
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        heard = self._heard + data if self._heard else data
        if not is_whole(heard):
            self._heard = heard
            return
        self._heard = b""
        self._desk.tape.note(self._began, time.perf_counter(), accepted=heard.startswith(ACCEPTED))
        self._desk.free(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._desk.lose()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def is_whole(heard: bytes) -> bool:
    head = heard.find(DONE)
    if head < 0:
        return False
    at = heard.find(LENGTH, 0, head)
    if at < 0:
        return True
    length = int(heard[at + len(LENGTH) : heard.index(b"\r", at)])
    return len(heard) >= head + len(DONE) + length


class Desk:
    """Hands requests to free lines: at once (closed), or as they fall due (open)."""

    def __init__(self, requests: Iterator[bytes], tape: Tape, *, closed: bool) -> None:
        self.tape = tape
        self.short = False
        self.hung_up = False
        self.over = asyncio.Event()
        self._requests = requests
        self._closed = closed
        self._idle: deque[Line] = deque()
        self._due: deque[float] = deque()

    def free(self, line: Line) -> None:
        if self._closed:
            self._give(line, time.perf_counter())
        elif self._due:
            self._give(line, self._due.popleft())
        else:
            self._idle.append(line)

    def fall_due(self, at: float) -> None:
        if self._idle:
            self._give(self._idle.popleft(), at)
        else:
            self._due.append(at)

    def lose(self) -> None:
        """A closed loop with a line less would be another load."""
        if not self.over.is_set():
            self.hung_up = True
            self.over.set()

    def _give(self, line: Line, began: float) -> None:
        if self.over.is_set():
            return
        request = next(self._requests, None)
        if request is None:
            self.short = True
            self.over.set()
            return
        line.send(request, began)
