"""What every exception of the HTTP library means for a message: it decides between loss and doubles (outbox.md 6.3)."""

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from app.connectors.sage200.connector import open_erp
from app.domain.errors import SluiceError
from app.domain.tokens import TokenPair
from app.flows.context import Pace
from app.flows.verdicts import verdict_of
from tests.connectors.sage200.stage import START, FakeSage, MemoryTokens, order, settings

SICK, IN_DOUBT, RETRY, DEFECT = "sick", "indoubt", "retry", "defect"
"""Not sent, so the whole destination rests; a question; an ordinary failure; ours, which flows take for a question once
an intent is committed (tests/flows/test_doubt.py).
"""
NOT_SENT, LOST, OURS = (SICK, SICK), (IN_DOUBT, RETRY), (DEFECT, DEFECT)
TABLE = {
    "ConnectError": NOT_SENT,
    "ConnectTimeout": NOT_SENT,
    "PoolTimeout": NOT_SENT,
    "ProxyError": NOT_SENT,
    "UnsupportedProtocol": NOT_SENT,
    "InvalidURL": NOT_SENT,
    "ReadError": LOST,
    "ReadTimeout": LOST,
    "WriteError": LOST,  # some of it may have left, and a server may act before it has read all
    "WriteTimeout": LOST,
    "CloseError": LOST,
    "RemoteProtocolError": LOST,
    "LocalProtocolError": LOST,  # may be raised at the second half of a request too
    "DecodingError": LOST,
    "TooManyRedirects": LOST,
    "HTTPStatusError": LOST,
    "HTTPError": LOST,
    "RequestError": LOST,
    "TransportError": LOST,
    "TimeoutException": LOST,
    "NetworkError": LOST,
    "ProtocolError": LOST,
    "CookieConflict": OURS,
    "StreamError": OURS,
    "StreamConsumed": OURS,
    "StreamClosed": OURS,
    "RequestNotRead": OURS,
    "ResponseNotRead": OURS,
}
"""Class -> settlement of a create and of a read."""
SYSTEM = {ConnectionResetError: LOST, BrokenPipeError: LOST, TimeoutError: LOST, OSError: LOST}
CLASSES = {
    name: found
    for name, found in vars(httpx).items()
    if isinstance(found, type) and issubclass(found, BaseException)
}


def made(kind: type[BaseException]) -> BaseException:
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("POST", "https://sage.test")
        return kind("broken", request=request, response=httpx.Response(500, request=request))
    try:
        return kind("broken")
    except TypeError:
        return kind()


async def settlement(call: Awaitable[object]) -> str:
    try:
        await call
    except SluiceError as error:
        return type(verdict_of(error, Pace())).__name__.lower()
    except Exception:  # noqa: BLE001 - the table has a word for it
        return DEFECT
    return "done"


def test_every_exception_class_of_the_library_has_been_judged():
    """A class that a new release adds must be put on one side of the table by a person."""
    assert set(TABLE) == set(CLASSES)


KINDS = [(CLASSES[name], expected) for name, expected in TABLE.items()] + list(SYSTEM.items())


@pytest.mark.parametrize(("kind", "expected"), KINDS)
async def test_exception_settles_a_create_and_a_read(erp, sage, kind, expected):
    """The same class means less for a read, which may be repeated."""

    def fail(_):
        raise made(kind)

    await erp.probe(["X"])
    sage.on_create = fail
    create = await settlement(erp.place(order(), lambda: None))
    sage.on_read = fail
    assert (create, await settlement(erp.probe(["X"]))) == expected


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS])
async def test_exception_while_a_token_is_fetched_means_that_nothing_was_sent(opened, sage, tokens, kind):
    """Unless it is our own mistake: then nobody knows what it means."""

    def fail(_):
        raise made(kind)

    sage._token = fail
    erp = await opened()
    expected = DEFECT if TABLE.get(kind.__name__) is OURS else SICK
    assert (await settlement(erp.place(order(), lambda: None)), sage.creates()) == (expected, [])


@pytest.mark.parametrize(("kind", "expected"), KINDS)
async def test_exception_while_the_made_order_is_read_back_keeps_the_question_open(erp, sage, kind, expected):
    """Sage has the order by then, whatever the second request met."""

    def fail(request):
        if "/sop_orders/" in request.url.path:
            raise made(kind)

    sage.on_read = fail
    wanted = DEFECT if expected is OURS else IN_DOUBT
    assert await settlement(erp.place(order(), lambda: None)) == wanted
    assert len(sage.tables["sop_orders"]) == 1


Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(speak: Speak):
    """A server whose every connection is `speak`'s; what it leaves open is closed."""
    tasks: set[asyncio.Task] = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await speak(reader, writer)
        except (asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request_of(reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)


async def forever() -> None:
    await asyncio.Event().wait()


async def reset_at_once(_reader, writer):
    writer.transport.abort()


async def reset_after_the_head(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def reset_after_the_request(reader, writer):
    await request_of(reader)
    writer.transport.abort()


async def never_read(reader, _writer):
    reader._transport.pause_reading()
    await forever()


async def never_answer(reader, _writer):
    await request_of(reader)
    await forever()


def answering(*parts: bytes, then: str = "close") -> Speak:
    async def speak(reader, writer):
        await request_of(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then == "reset":
            writer.transport.abort()
        if then == "wait":
            await forever()

    return speak


OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = b'Content-Length: 11\r\n\r\n{"id": 123}'
SPOKEN = {
    "resets before it reads": (reset_at_once, IN_DOUBT),
    "resets after the head": (reset_after_the_head, IN_DOUBT),
    "resets after the request": (reset_after_the_request, IN_DOUBT),
    "closes after the request": (answering(), IN_DOUBT),
    "never reads": (never_read, IN_DOUBT),
    "never answers": (never_answer, IN_DOUBT),
    "stops within the status line": (answering(b"HTTP/1.1 20"), IN_DOUBT),
    "stops within the headers": (answering(OK, b"Content-Le"), IN_DOUBT),
    "stops within the body": (answering(OK, WHOLE[:-4]), IN_DOUBT),
    "resets within the body": (answering(OK, WHOLE[:-4], then="reset"), IN_DOUBT),
    "hangs within the body": (answering(OK, WHOLE[:-4], then="wait"), IN_DOUBT),
    "stops within a chunk": (answering(OK, b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"i'), IN_DOUBT),
    "sends a chunk of no size": (answering(OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), IN_DOUBT),
    "sends two lengths": (answering(OK, b"Content-Length: 5\r\n", WHOLE), IN_DOUBT),
    "sends garbage": (answering(b"\x16\x03\x01\x02\x00 who is there?\r\n\r\n"), IN_DOUBT),
    "speaks HTTP/2": (answering(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), IN_DOUBT),
    "says gzip and sends none": (answering(OK, b"Content-Encoding: gzip\r\n", WHOLE), IN_DOUBT),
    "says br and sends gzip": (
        answering(
            OK, b"Content-Encoding: br\r\nContent-Length: 31\r\n\r\n", gzip.compress(b'{"id": 123}', mtime=0)
        ),
        IN_DOUBT,
    ),
    "answers without a body": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), IN_DOUBT),
    "answers 1xx and no more": (answering(b"HTTP/1.1 100 Continue\r\n\r\n"), IN_DOUBT),
    "redirects": (answering(b"HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), IN_DOUBT),
    "answers from a proxy": (answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), IN_DOUBT),
    "throttles": (answering(b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n"), SICK),
}


@asynccontextmanager
async def split(sage: FakeSage, clock, port: int, **changes):
    """Reads are answered by the fake, creates go over a real socket to `port`."""
    store = MemoryTokens(TokenPair("AT1", "RT1", START.replace(year=2030), START))
    sage.access_token = "AT1"
    wire = httpx.AsyncHTTPTransport()

    class Split(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            if request.method == "GET":
                return await httpx.MockTransport(sage).handle_async_request(request)
            request.url = request.url.copy_with(host="127.0.0.1", port=port)
            return await wire.handle_async_request(request)

        async def aclose(self):
            await wire.aclose()

    async with open_erp("main", settings(**changes), store, clock, Split()) as erp:
        yield erp


@pytest.fixture
def plain(sage, clock):
    """The made-up Sage is reached without TLS."""
    base = "http://sage.test/uk/sage200extra/accounts/v1"
    return lambda port, **changes: split(
        sage, clock, port, **{"base_url": base, "timeout_seconds": 20} | changes
    )


SOON = {"timeout_seconds": 0.4}
HANGS = {"never reads", "never answers", "hangs within the body"}


@pytest.mark.parametrize("how", SPOKEN)
async def test_server_that_misbehaves_while_it_is_sent_an_order(plain, how):
    speak, expected = SPOKEN[how]
    async with listening(speak) as port, plain(port, **(SOON if how in HANGS else {})) as erp:
        assert await settlement(erp.place(order(), lambda: None)) == expected


async def test_server_that_reads_no_further_than_its_buffer(plain):
    """The deadline ends in the middle of the write."""
    goods, carriage, rounding = order().entries
    many = tuple(replace(rounding, description=str(place) * 1000) for place in range(3000))
    async with listening(never_read) as port, plain(port, **SOON) as erp:
        assert await settlement(erp.place(order(entries=(goods, carriage, *many)), lambda: None)) == IN_DOUBT


async def test_connection_that_the_server_closed_while_it_was_idle(plain):
    """The create may have been under way when the server hung up: it cannot be told from one that was read."""

    async def once(reader, writer):
        await request_of(reader)
        refusal = b'{"Message": "Customer WEBGBP is on hold."}'
        writer.write(b"HTTP/1.1 400 X\r\nContent-Length: %d\r\n\r\n%s" % (len(refusal), refusal))
        await writer.drain()
        await request_of(reader)

    async with listening(once) as port, plain(port) as erp:
        assert await settlement(erp.place(order(), lambda: None)) == "park"
        assert await settlement(erp.place(order(), lambda: None)) == IN_DOUBT


async def test_nobody_listens(plain):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with plain(unused.getsockname()[1]) as erp:
            assert await settlement(erp.place(order(), lambda: None)) == SICK


async def no_tls(reader, writer):
    await reader.read(5)
    writer.write(b"no TLS here\r\n")


async def never_greets(reader, _writer):
    await reader.read(5)
    await forever()


@pytest.mark.parametrize("speak", [no_tls, never_greets, reset_at_once])
async def test_handshake_that_fails_or_never_ends(sage, clock, speak):
    """Whatever ends before there is a connection ends before anything of the order was said."""
    seconds = 1.0 if speak is never_greets else 20
    async with listening(speak) as port, split(sage, clock, port, timeout_seconds=seconds) as erp:
        assert await settlement(erp.place(order(), lambda: None)) == SICK


async def test_connecting_is_given_up_well_before_the_deadline(opened, sage):
    """The deadline cuts off whatever is under way, and cannot tell a connection from a request."""
    given = []

    def note(request):
        given.append(request.extensions["timeout"])
        return sage.save(request)

    sage.on_create = note
    for seconds in (0.5, 60):
        await (await opened(timeout_seconds=seconds)).place(order(), lambda: None)
    assert [(wait["connect"], wait["read"]) for wait in given] == [(0.25, 0.5), (10, 60)]
