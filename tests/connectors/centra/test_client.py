from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import simplejson
from graphql import build_schema, parse, validate

from app.connectors.centra import client as centra_client
from app.connectors.centra.client import Client, mutate, query
from app.connectors.centra.documents import ALL, CONFIRM, EVENTS
from app.domain.errors import DestinationError, PermanentError, TransientError
from tests.connectors.centra.conftest import NOW

SCHEMA = Path(__file__).parents[3] / "openapi" / "vendors" / "centra.graphql"


async def fail(client: Client):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which class it is, is the assertion of the caller
        await query(client, EVENTS, {})
    return caught.value


@pytest.mark.parametrize("document", ALL, ids=lambda document: document.name)
def test_document_is_valid_in_the_vendors_schema(document):
    parsed = parse(document.text)
    assert validate(build_schema(SCHEMA.read_text()), parsed) == []
    assert parsed.definitions[0].name.value == document.name


async def test_query_sends_one_named_document_with_the_token(client, centra):
    centra.data(events=[])
    assert await query(client, EVENTS, {"limit": 1}) == {"events": []}
    assert centra.asked == [
        {"query": EVENTS.text, "variables": {"limit": 1}, "operationName": "GatewayEvents"}
    ]
    assert centra.tokens == ["Bearer made-up"]


async def test_numbers_arrive_as_decimals(client, centra):
    centra.reply(httpx.Response(200, content=b'{"data": {"value": 43.58}}'))
    assert str((await query(client, EVENTS, {}))["value"]) == "43.58"


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("dns"), httpx.ConnectTimeout("tcp"), httpx.ProxyError("p")]
)
async def test_unreachable_is_the_destinations_illness(client, centra, error):
    centra.reply(error)
    assert type(await fail(client)) is DestinationError


@pytest.mark.parametrize(
    "error",
    [
        httpx.PoolTimeout("full"),
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("gone"),
        httpx.DecodingError("gzip"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_lost_answer_is_tried_again(client, centra, error):
    centra.reply(error)
    assert type(await fail(client)) is TransientError


async def test_answer_that_never_ends_runs_into_the_deadline():
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"{"
            raise TimeoutError  # what the deadline raises inside of whatever it interrupts

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip()))
    async with httpx.AsyncClient(transport=transport) as http:
        assert (
            type(await fail(Client(http, "https://brand.centra.test/graphql", lambda: NOW, 5)))
            is TransientError
        )


@pytest.mark.parametrize("status", [401, 403, 404, 302, 405, 500, 502, 503, 504])
async def test_refusal_of_everything_rests_the_destination(client, centra, status):
    centra.reply(status)
    error = await fail(client)
    assert (isinstance(error, DestinationError), error.resume_at, str(status) in str(error)) == (
        True,
        None,
        True,
    )


@pytest.mark.parametrize("status", [401, 403])
async def test_refusal_that_explains_itself_is_quoted(client, centra, status):
    centra.reply(
        httpx.Response(status, content=b'{"errors": [{"message": "You need Event:read permission."}]}')
    )
    assert "You need Event:read permission." in str(await fail(client))


async def test_spent_quota_rests_the_destination_until_told(client, centra):
    until = NOW + timedelta(seconds=7)
    centra.reply(httpx.Response(429, headers={"Retry-After": str(int(until.timestamp()))}))
    error = await fail(client)
    assert (type(error), error.resume_at) == (DestinationError, until)


@pytest.mark.parametrize("status", [200, 400, 422])
async def test_query_that_is_refused_parks(client, centra, status):
    body = simplejson.dumps(
        {"errors": [{"message": 'Cannot query field "x"', "extensions": {"category": "graphql"}}]}
    )
    centra.reply(httpx.Response(status, content=body))
    error = await fail(client)
    assert (type(error), error.code, error.detail) == (
        PermanentError,
        "E-CENTRA-QUERY",
        'Cannot query field "x"',
    )


@pytest.mark.parametrize("category", ["authorization", "authentication"])
async def test_missing_permission_holds_the_queue(client, centra, category):
    message = "You need Order:read permission to access orders."
    centra.reply({"errors": [{"message": message, "extensions": {"category": category}}], "data": None})
    error = await fail(client)
    assert (isinstance(error, DestinationError), message in str(error)) == (True, True)


async def test_failure_inside_centra_is_tried_again(client, centra):
    centra.reply({"errors": [{"message": "Internal server error", "extensions": {"category": "internal"}}]})
    assert type(await fail(client)) is TransientError


async def test_half_an_answer_is_no_answer(client, centra):
    centra.reply({"data": {"orders": [None]}, "errors": [{"message": "lines of 3", "path": ["orders", 0]}]})
    assert type(await fail(client)) is PermanentError


@pytest.mark.parametrize(
    "body", [b"", b"<html>Down for maintenance</html>", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"data": 1}']
)
async def test_body_that_is_no_answer_rests_the_destination(client, centra, body):
    centra.reply(httpx.Response(200, content=body))
    assert type(await fail(client)) is DestinationError


async def test_answer_without_data_parks(client, centra):
    centra.reply({"extensions": {}})
    assert type(await fail(client)) is PermanentError


async def test_answer_beyond_all_measure_is_not_read_to_its_end(client, centra):
    async def endless():
        piece = b" " * (1024 * 1024)
        for _ in range(centra_client.REPLY_MOST // len(piece) + 2):
            yield piece
        pytest.fail("read to the end")

    centra.reply(httpx.Response(200, content=endless()))
    assert type(await fail(client)) is PermanentError


async def test_mutation_gives_its_warnings(client, centra):
    centra.data(
        confirmEvents={"userErrors": [], "userWarnings": [{"message": "118201 is unknown", "path": None}]}
    )
    assert await mutate(client, CONFIRM, {}) == ("118201 is unknown",)


async def test_mutation_that_is_refused_parks_although_the_status_is_200(client, centra):
    centra.data(
        confirmEvents={"userErrors": [{"message": "No such event", "path": ["input"]}], "userWarnings": []}
    )
    with pytest.raises(PermanentError, match="E-CENTRA-REFUSED: GatewayConfirm: No such event"):
        await mutate(client, CONFIRM, {})


@pytest.mark.parametrize("payload", [None, {}, {"userErrors": []}, {"userErrors": None, "userWarnings": []}])
async def test_mutation_without_both_lists_did_not_succeed(client, centra, payload):
    centra.data(confirmEvents=payload)
    with pytest.raises(TransientError):
        await mutate(client, CONFIRM, {})
