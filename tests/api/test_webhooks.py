"""Every row of the status table (api-console-cli.md 3.1), and what is stored, counted and told."""

import json
from ipaddress import ip_network

import httpx
import pytest

from app.outbox.flush import CannotStoreError
from app.outbox.keys import Appended
from tests.api.conftest import FORM, never, open_shop, sign, signed

PROBLEM = "application/problem+json"


def failing(reason):
    async def store(_drafts):
        raise CannotStoreError(reason)

    return store


async def test_an_authentic_delivery_is_stored_and_answered_202_with_our_ids(shop):
    answer = await shop.post(b"1:created\n2:created")
    rows = await shop.pool.fetch("SELECT id FROM message ORDER BY id")
    assert (answer.status_code, answer.json()) == (202, {"ids": [row["id"] for row in rows]})
    assert answer.headers["content-type"] == "application/json"


async def test_a_duplicate_gets_the_same_answer_and_stores_nothing(shop):
    first, second = await shop.post(b"1:created"), await shop.post(b"1:created")
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert await shop.pool.fetchval("SELECT count(*) FROM message") == 1


async def test_a_delivery_of_known_and_new_events_answers_with_all_their_ids(shop):
    (known,) = (await shop.post(b"1:created")).json()["ids"]
    ids = (await shop.post(b"2:created\n1:created")).json()["ids"]
    assert ids[1] == known
    assert await shop.pool.fetchval("SELECT count(*) FROM message") == 2


async def test_authentic_bytes_that_cannot_be_read_are_stored_parked_and_answered_202(shop):
    answer = await shop.post(b"unreadable")
    row = await shop.pool.fetchrow(
        "SELECT m.kind, m.raw, s.state, e.code, e.owner FROM message m JOIN message_state s USING (id)"
        " JOIN exception_case e ON e.message_id = m.id"
    )
    assert answer.status_code == 202
    assert tuple(row) == ("shop.unreadable", b"unreadable", "parked", "E-UNREADABLE", "sre")


async def test_the_same_unreadable_bytes_again_get_the_same_answer(shop):
    first, second = await shop.post(b"unreadable"), await shop.post(b"unreadable")
    assert first.content == second.content
    assert await shop.pool.fetchval("SELECT count(*) FROM exception_case") == 1


async def test_an_event_that_postgres_refuses_is_kept_as_bytes_beside_its_neighbours(shop):
    body = b"1:created\n2:\x00"
    answer = await shop.post(body)
    rows = await shop.pool.fetch("SELECT kind, raw FROM message ORDER BY id")
    assert answer.status_code == 202
    assert [tuple(row) for row in rows] == [("shop.order", None), ("shop.unreadable", body)]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"1:created", {}),
        (b"1:created", {"x-signature": "0" * 64}),
        (b"1:created ", {"x-signature": sign(b"1:created")}),
        (b"stale", {"x-signature": sign(b"stale")}),
    ],
    ids=["missing", "wrong", "one byte changed", "stale"],
)
async def test_a_forged_delivery_is_401_with_one_fixed_body_and_leaves_nothing(shop, body, headers):
    answer = await shop.client.post(
        "/webhooks/shop/uk", content=body, headers={"content-type": FORM, **headers}
    )
    other = await shop.client.post("/webhooks/shop/uk", content=b"x", headers={"content-type": FORM})
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
    assert answer.content == other.content
    assert await shop.pool.fetchval("SELECT count(*) FROM message") == 0


async def test_forgeries_are_counted_by_reason(shop):
    await shop.client.post("/webhooks/shop/uk", content=b"x", headers={"content-type": FORM})
    await shop.post(b"stale")
    assert (shop.counted("bad_signature"), shop.counted("stale")) == (1, 1)
    assert (
        shop.registry.get_sample_value(
            "sluice_webhook_signature_failures_total", {"source": "uk", "reason": "missing"}
        )
        == 1
    )


@pytest.mark.parametrize("path", ["/webhooks/shop/fr", "/webhooks/other/uk", "/webhooks/shop/mute"])
async def test_an_unknown_connection_is_404(shop, path):
    answer = await shop.client.post(path, **signed(b"1:created"))
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert shop.counted("unknown_connection", "mute" if path.endswith("mute") else "unknown") == 1


async def test_an_unknown_connection_reads_and_hashes_the_body_all_the_same(shop):
    answer = await shop.client.post("/webhooks/shop/fr", content=bytes((1 << 20) + 1))
    assert answer.status_code == 413


async def test_another_content_type_is_415_and_says_which_is_read(shop):
    answer = await shop.post(b"1:created", **{"content-type": "application/json"})
    assert (answer.status_code, answer.headers["accept"]) == (415, FORM)
    assert answer.json()["code"] == "unsupported_media_type"


async def test_parameters_of_the_content_type_do_not_matter(shop):
    answer = await shop.post(b"1:created", **{"content-type": f"{FORM}; charset=UTF-8"})
    assert answer.status_code == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_405_and_says_which_is_allowed(shop, method):
    answer = await shop.client.request(method, "/webhooks/shop/uk")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_body_at_the_limit_is_taken(shop):
    answer = await shop.post(b"1:" + b"x" * ((1 << 20) - 2))
    assert answer.status_code == 202


async def test_a_body_over_the_limit_is_413_when_content_length_tells(shop):
    answer = await shop.post(b"x" * ((1 << 20) + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
    assert shop.counted("too_large") == 1


async def test_a_body_over_the_limit_is_413_when_only_counting_tells(shop):
    async def chunks():
        for _ in range(17):
            yield b"x" * 65536

    answer = await shop.client.post("/webhooks/shop/uk", content=chunks(), headers={"content-type": FORM})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_content_length_that_lies_low_does_not_raise_the_limit(shop):
    answer = await shop.post(b"x" * ((1 << 20) + 1), **{"content-length": "10"})
    assert answer.status_code == 413


@pytest.mark.parametrize("reason", ["overloaded", "draining", "unreachable", "failed"])
async def test_what_cannot_be_stored_is_503_with_retry_after(pool, reason):
    shop = open_shop(pool, failing(reason))
    answer = await shop.post(b"1:created")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == PROBLEM
    assert shop.rings == []


async def test_beyond_our_own_deadline_the_answer_is_503(pool):
    shop = open_shop(pool, never, seconds=0.02)
    answer = await shop.post(b"1:created")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_fault_of_ours_is_503_and_logged_without_its_text(shop):
    answer = await shop.post(b"bug")
    assert answer.status_code == 503
    assert "Mrs Smith" not in json.dumps(shop.log.events, default=lambda value: type(value).__name__)


async def test_a_flood_of_forgeries_is_429_with_retry_after(shop):
    answers = [
        await shop.client.post("/webhooks/shop/uk", content=b"x", headers={"content-type": FORM})
        for _ in range(4)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[-1].headers["retry-after"] == "1"


async def test_guessing_connections_is_limited_like_forging(shop):
    answers = [await shop.client.post(f"/webhooks/shop/{n}", content=b"x") for n in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]


async def test_an_authentic_delivery_is_never_limited(shop):
    for _ in range(5):
        await shop.client.post("/webhooks/shop/uk", content=b"x", headers={"content-type": FORM})
    answers = [await shop.post(f"{n}:created".encode()) for n in range(20)]
    assert {answer.status_code for answer in answers} == {202}


async def test_the_flood_gate_opens_again_with_time(shop):
    for _ in range(4):
        await shop.client.post("/webhooks/shop/uk", content=b"x", headers={"content-type": FORM})
    shop.tick[0] += 1
    answer = await shop.client.post("/webhooks/shop/uk", content=b"x", headers={"content-type": FORM})
    assert answer.status_code == 401


NETWORKS = (ip_network("198.51.100.0/24"), ip_network("2001:db8::/32"))


def from_(address, networks=NETWORKS):
    """A gateway whose next peer is `address`, and which stores nothing."""

    async def store(_drafts):
        return [Appended(1)]

    shop = open_shop(None, store, networks=networks)
    shop.client._transport.client = (address, 1)
    return shop


async def test_an_address_outside_the_networks_is_403_with_a_problem_and_counted():
    shop = from_("192.0.2.1")
    answer = await shop.post(b"1:created")
    assert (answer.status_code, answer.headers["content-type"]) == (403, PROBLEM)
    assert (answer.json()["code"], shop.counted("address_not_allowed")) == ("address_not_allowed", 1)


@pytest.mark.parametrize("address", ["198.51.100.255", "::ffff:198.51.100.7", "2001:db8::1"])
async def test_an_address_inside_a_network_may_deliver(address):
    assert (await from_(address).post(b"1:created")).status_code == 202


@pytest.mark.parametrize("address", ["198.51.101.0", "::ffff:192.0.2.1", "2001:db9::1", "", "unknown"])
async def test_an_address_that_is_in_no_network_may_not(address):
    assert (await from_(address).post(b"1:created")).status_code == 403


async def test_the_right_address_does_not_stand_in_for_a_signature():
    answer = await from_("198.51.100.7").client.post(
        "/webhooks/shop/uk", content=b"1:created", headers={"content-type": FORM}
    )
    assert answer.status_code == 401


async def test_unknown_connections_do_not_show_to_addresses_outside():
    answer = await from_("192.0.2.1").client.post("/webhooks/shop/nobody", content=b"x")
    assert answer.status_code == 403


async def test_a_flood_from_outside_the_networks_is_429():
    shop = from_("192.0.2.1")
    assert [(await shop.post(b"1:created")).status_code for _ in range(4)] == [403, 403, 403, 429]


async def test_news_ring_the_doorbell_and_duplicates_do_not(shop):
    await shop.post(b"1:created")
    await shop.post(b"1:created")
    assert len(shop.rings) == 1


async def test_events_are_counted_not_deliveries(shop):
    await shop.post(b"1:created\n2:created\n3:created")
    await shop.post(b"1:created\n4:created")
    assert (shop.counted("accepted"), shop.counted("duplicate")) == (4, 1)
    assert shop.registry.get_sample_value("sluice_webhook_accept_seconds_count") == 2


async def test_a_known_key_with_another_body_is_202_and_kept_as_a_conflict(shop):
    first, second = await shop.post(b"1:created!then"), await shop.post(b"1:created!now")
    kept = await shop.pool.fetchval("SELECT raw FROM key_conflict")
    assert (second.status_code, second.content) == (202, first.content)
    assert b"now" in kept
    assert (shop.counted("accepted"), shop.counted("conflict"), shop.counted("duplicate")) == (1, 1, 0)


async def test_every_delivery_is_one_event_in_the_log_without_its_content(shop):
    await shop.post(b"mrs.smith@example.com:created")
    ((event, fields),) = shop.log.events
    assert (event, fields["result"], fields["accepted"], fields["status"]) == (
        "webhook.received",
        "accepted",
        1,
        202,
    )
    assert "smith" not in str(fields)


async def test_a_sender_that_hangs_up_gets_no_answer_and_leaves_nothing(shop):
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/webhooks/shop/uk",
        "raw_path": b"/webhooks/shop/uk",
        "headers": [(b"content-type", FORM.encode())],
        "client": ("192.0.2.1", 1),
        "query_string": b"",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "root_path": "",
        "scheme": "http",
    }
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"1:", "more_body": True}]
    sent = []

    async def receive():
        return messages.pop()

    async def send(message):
        sent.append(message)

    transport: httpx.ASGITransport = shop.client._transport
    await transport.app(scope, receive, send)
    assert sent == []
    assert await shop.pool.fetchval("SELECT count(*) FROM message") == 0
