"""An order under any of its names, and who may see whose it is."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.message import MessageClass
from app.domain.order import Address, Line, Order, Standing, Totals
from app.ledger import snapshot
from tests.api.test_messages import draft, finish, parked, put

PLACED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def order(ref="77", connection="uk", **more):
    smith = Address(name="Mrs Smith", lines=("1 High Street",), email="smith@example.com", phone="0123")
    given = {
        "channel_id": "c-1",
        "standing": Standing.RELEASABLE,
        "hold_reason": "",
        "channel_status": "CONFIRMED",
        "placed_at": PLACED,
        "updated_at": PLACED,
        "store": "1",
        "market": "GB",
        "currency": "GBP",
        "country": "GB",
        "lines": (Line("1", "A-1", "Shirt", 2, 0, Decimal("24.00"), Decimal(20)),),
        "charges": (),
        "discount": Decimal(0),
        "totals": Totals(Decimal("24.00"), Decimal("4.00")),
        "delivery": smith,
        "invoice": smith,
        "account": "Mrs Smith Ltd",
        "purchase_order": "ask Mrs Smith",
    }
    return Order(connection=connection, ref=ref, **{**given, **more})


async def keep(pool, *orders):
    async with pool.acquire() as conn, conn.transaction():
        await snapshot.record(conn, orders)


async def bind(pool, ref="77", probe_key="UK-77", document_no="0000000123"):
    await pool.execute(
        "INSERT INTO binding (connection, ref, erp, document_id, document_no, probe_key, snapshot_hash, net, tax,"
        " gross, adopted) VALUES ('uk', $1, 'sage200:main', 5, $3, $2, '\\x00', 20.00, 4.00, 24.00, false)",
        ref,
        probe_key,
        document_no,
    )


async def find(shop, reference, *scopes):
    headers = await shop.key(*(scopes or ["messages:read"]))
    return await shop.client.get(f"/api/v1/orders/{reference}", headers=headers)


async def test_an_order_is_found_by_any_of_its_names(shop):
    await keep(shop.pool, order())
    await bind(shop.pool)
    found = [
        (await find(shop, name)).json()["orders"][0]["ref"]
        for name in ("77", "uk/77", "UK-77", "uk-77", "0000000123")
    ]
    assert found == ["77"] * 5


async def test_an_order_of_a_hashed_key_is_found_by_its_binding_and_by_its_intent(shop):
    (number,) = await put(shop.pool, draft("1", order_ref="a-very-long-reference-indeed"))
    await shop.pool.execute("INSERT INTO intent VALUES ($1, 1, 'place', 'UK-AAAABBBBCCCC', '\\x00')", number)
    found = (await find(shop, "UK-AAAABBBBCCCC")).json()["orders"]
    assert [one["ref"] for one in found] == ["a-very-long-reference-indeed"]


async def test_an_order_that_only_a_notice_told_of_is_found(shop):
    (number,) = await put(shop.pool, draft("1", order_ref="77"))
    (found,) = (await find(shop, "77")).json()["orders"]
    assert (found["standing"], found["snapshot"], found["messages"][0]["id"]) == ("unknown", None, number)


async def test_one_number_in_two_stores_is_two_orders(shop):
    await keep(shop.pool, order(), order(connection="mute"))
    both = (await find(shop, "77")).json()["orders"]
    one = (await find(shop, "mute/77")).json()["orders"]
    assert [found["connection"] for found in both] == ["mute", "uk"]
    assert [found["connection"] for found in one] == ["mute"]


async def test_a_name_that_no_order_has_is_404(shop):
    answer = await find(shop, "uk/nothing/here")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_order_tells_where_it_stands_and_why(shop):
    await keep(shop.pool, order())
    await bind(shop.pool)
    await put(shop.pool, parked("1", "E-VAT", order_ref="77"))
    (told,) = (await find(shop, "77")).json()["orders"]
    assert (told["binding"]["document_no"], told["binding"]["gross"]) == ("0000000123", "24.00")
    assert [one["state"] for one in told["messages"]] == ["parked"]
    assert [one["code"] for one in told["exceptions"]] == ["E-VAT"]
    assert told["snapshot"]["totals"]["gross"] == "24.00"


async def test_without_the_payload_scope_an_order_names_no_person(shop):
    await keep(shop.pool, order(note_free := "77"))
    hidden = await find(shop, note_free)
    listed = await shop.client.get("/api/v1/orders", headers=await shop.key("messages:read"))
    for text in ("Smith", "High Street", "0123", "example.com"):
        assert text not in hidden.text + listed.text


async def test_with_the_payload_scope_an_order_is_whole(shop):
    await keep(shop.pool, order())
    shown = await find(shop, "77", "messages:read", "messages:payload")
    assert shown.json()["orders"][0]["snapshot"]["delivery"]["name"] == "Mrs Smith"


async def test_the_waiting_list_says_who_waits_and_why(shop):
    await keep(
        shop.pool,
        order("1", standing=Standing.HELD, hold_reason="waiting for payment"),
        order("2"),
        order("3", standing=Standing.HELD, hold_reason="on hold"),
    )
    answer = await shop.client.get("/api/v1/orders?standing=held", headers=await shop.key("messages:read"))
    waiting = [(one["ref"], one["hold_reason"]) for one in answer.json()["items"]]
    assert waiting == [("1", "waiting for payment"), ("3", "on hold")]


async def test_the_list_of_orders_has_pages(shop):
    await keep(shop.pool, *(order(str(n)) for n in range(5)))
    headers, seen, path = await shop.key("messages:read"), [], "/api/v1/orders?limit=2"
    while path:
        answer = await shop.client.get(path, headers=headers)
        seen += [one["ref"] for one in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url")
    assert seen == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("path", ["/api/v1/orders?standing=nonsense"])
async def test_a_standing_that_does_not_exist_is_422(shop, path):
    answer = await shop.client.get(path, headers=await shop.key("messages:read"))
    assert answer.status_code == 422


async def test_an_order_has_a_timeline_over_all_systems(shop):
    await keep(shop.pool, order())
    (notice,) = await put(shop.pool, draft("1", order_ref="77"))
    (effect,) = await put(
        shop.pool,
        draft(
            "2",
            kind="sage200.sales_order.place",
            cls=MessageClass.EFFECT,
            destination="sage200:main",
            order_ref="77",
            parent=notice,
        ),
    )
    await shop.pool.execute(
        "INSERT INTO attempt (message_id, token, verdict, error) VALUES ($1, 1, 'retry', 'HTTP 504')", effect
    )
    await shop.pool.execute(
        "INSERT INTO intent VALUES ($1, 2, 'sales_order.place', 'UK-77', '\\x00')", effect
    )
    await finish(shop.pool, effect)
    await bind(shop.pool)
    (told,) = (await find(shop, "77")).json()["orders"]
    story = [(one["system"], one["what"], one["message_id"], one["text"]) for one in told["timeline"]]
    assert story == [
        ("sluice", "first read", None, "the channel's order was read"),
        ("shop:uk", "notice", notice, "shop.order"),
        ("sluice", "effect", effect, "sage200.sales_order.place"),
        ("sage200:main", "attempt", effect, "retry: HTTP 504"),
        ("sage200:main", "send", effect, "sales_order.place as UK-77"),
        ("sluice", "done", effect, "applied: SO-9"),
        ("sage200:main", "document", None, "0000000123"),
    ]
