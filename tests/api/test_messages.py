"""Messages: filters, cursors, the story of one, and who may see a body."""

from app.domain.message import Draft, MessageClass, Owner, Violation
from app.outbox.append import append


def draft(key, **more):
    given = {
        "kind": "shop.order",
        "cls": MessageClass.NOTICE,
        "destination": "shop:uk",
        "source": "uk",
        "body": {"name": "Mrs Smith"},
    }
    return Draft(key=key, **{**given, **more})


def parked(key, code, **more):
    return draft(key, park=Violation(code, "vat", "21", "map it", Owner.FINANCE, "tax_codes"), **more)


async def put(pool, *drafts):
    async with pool.acquire() as conn, conn.transaction():
        return [one.message_id for one in await append(conn, drafts)]


async def ids(shop, query, headers):
    answer = await shop.client.get(f"/api/v1/messages?{query}", headers=headers)
    return [one["id"] for one in answer.json()["items"]]


async def finish(pool, number):
    await pool.execute(
        "WITH gone AS (DELETE FROM message_state WHERE id = $1 RETURNING *)"
        " INSERT INTO receipt (message_id, kind, source, result, note, keyed)"
        " SELECT id, kind, source, 'applied', 'SO-9', true FROM gone",
        number,
    )


async def test_messages_are_listed_the_newest_first(shop):
    one, two = await put(shop.pool, draft("1"), draft("2"))
    assert await ids(shop, "", await shop.key("messages:read")) == [two, one]


FILTERS = {
    "state=ready": [0, 1],
    "state=parked": [2, 3],
    "state=done": [4],
    "kind=shop.credit": [1],
    "source=fr": [3],
    "order_ref=77": [0, 4],
    "order_ref=77&source=uk": [0, 4],
    "order_ref=77&state=ready": [0],
    "code=E-VAT": [2],
    "code=E-VAT&source=fr": [],
    "code=E-VAT&state=ready": [],
    "state=parked&source=fr": [3],
    "kind=shop.order&state=done": [4],
}


async def test_messages_are_filtered(shop):
    numbers = await put(
        shop.pool,
        draft("0", order_ref="77"),
        draft("1", kind="shop.credit"),
        parked("2", "E-VAT"),
        parked("3", "E-SKU", source="fr"),
        draft("4", order_ref="77"),
    )
    await finish(shop.pool, numbers[4])
    headers = await shop.key("messages:read")
    found = {query: sorted(await ids(shop, query, headers)) for query in FILTERS}
    assert found == {query: [numbers[place] for place in places] for query, places in FILTERS.items()}


async def test_pages_follow_each_other_without_gap_or_overlap(shop):
    numbers = await put(shop.pool, *(draft(str(n)) for n in range(7)))
    headers, seen, path = await shop.key("messages:read"), [], "/api/v1/messages?state=ready&limit=3"
    while path:
        answer = await shop.client.get(path, headers=headers)
        seen += [one["id"] for one in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url")
    assert seen == numbers[::-1]
    assert answer.json()["next_cursor"] is None


async def test_a_made_up_cursor_is_400(shop):
    headers = await shop.key("messages:read")
    for cursor in ("nonsense", "bm9uc2Vuc2U=", "eyJhdCI6MSwib2YiOjF9", "W10=", "é"):
        answer = await shop.client.get("/api/v1/messages", params={"cursor": cursor}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_a_cursor_of_another_filter_is_400(shop):
    await put(shop.pool, draft("1"), draft("2"))
    headers = await shop.key("messages:read")
    page = (await shop.client.get("/api/v1/messages?limit=1", headers=headers)).json()
    answer = await shop.client.get(f"/api/v1/messages?kind=x&cursor={page['next_cursor']}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_a_story_tells_what_came_of_a_message(shop):
    (notice,) = await put(shop.pool, draft("n", order_ref="77"))
    (effect,) = await put(
        shop.pool,
        draft(
            "e",
            kind="sage200.sales_order.place",
            cls=MessageClass.EFFECT,
            order_ref="77",
            skus=("A-1",),
            parent=notice,
        ),
    )
    await shop.pool.execute(
        "INSERT INTO attempt (message_id, token, verdict, error) VALUES ($1, 1, 'retry', 'HTTP 504')", effect
    )
    await shop.pool.execute(
        "INSERT INTO intent VALUES ($1, 1, 'sales_order.place', 'UK-77', '\\x00')", effect
    )
    headers = await shop.key("messages:read")
    told = (await shop.client.get(f"/api/v1/messages/{effect}", headers=headers)).json()
    assert told["parent"]["id"] == notice
    assert told["lanes"] == ["order:uk/77", "sku:A-1"]
    assert [(one["verdict"], one["error"]) for one in told["attempts"]] == [("retry", "HTTP 504")]
    assert [one["probe_key"] for one in told["intents"]] == ["UK-77"]
    parent = (await shop.client.get(f"/api/v1/messages/{notice}", headers=headers)).json()
    assert [one["id"] for one in parent["follow_ups"]] == [effect]


async def test_a_story_holds_its_receipt_and_its_exceptions(shop):
    done, held = await put(shop.pool, draft("1"), parked("2", "E-VAT"))
    await finish(shop.pool, done)
    headers = await shop.key("messages:read")
    told = (await shop.client.get(f"/api/v1/messages/{done}", headers=headers)).json()["message"]
    case = (await shop.client.get(f"/api/v1/messages/{held}", headers=headers)).json()["exceptions"][0]
    assert (told["state"], told["result"], told["note"]) == ("done", "applied", "SO-9")
    assert (case["code"], case["owner"], case["violations"][0]["fix"]) == ("E-VAT", "finance", "map it")


async def test_a_body_is_for_those_who_may_see_payloads(shop):
    (number,) = await put(shop.pool, draft("1", raw=b"payload=Mrs+Smith"))
    path = f"/api/v1/messages/{number}"
    hidden = await shop.client.get(path, headers=await shop.key("messages:read"))
    shown = await shop.client.get(path, headers=await shop.key("messages:read", "messages:payload"))
    assert (hidden.json()["body"], hidden.json()["raw"]) == (None, None)
    assert "Smith" not in hidden.text
    assert (shown.json()["body"], shown.json()["raw"]) == ({"name": "Mrs Smith"}, "payload=Mrs+Smith")


async def test_what_may_hold_personal_data_is_not_cached(shop):
    answer = await shop.client.get("/api/v1/messages", headers=await shop.key("messages:read"))
    assert answer.headers["cache-control"] == "no-store"


async def test_a_message_that_does_not_exist_is_404(shop):
    answer = await shop.client.get("/api/v1/messages/4611686018427387903", headers=await shop.key())
    assert answer.status_code == 404


async def test_a_message_at_rest_behind_another_has_no_due_time(shop):
    effect = {"cls": MessageClass.EFFECT, "kind": "sage200.sales_order.place", "order_ref": "77"}
    await put(shop.pool, draft("a", **effect))
    (behind,) = await put(shop.pool, draft("b", **effect))
    told = await shop.client.get(f"/api/v1/messages/{behind}", headers=await shop.key("messages:read"))
    assert (told.json()["message"]["state"], told.json()["message"]["due_at"]) == ("waiting", None)
