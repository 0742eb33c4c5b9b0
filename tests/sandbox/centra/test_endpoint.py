from datetime import timedelta

import httpx
import pytest

from tests.sandbox.centra.conftest import TOKEN, Shop

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
LIST = "query List($where: OrderFilter, $sort: [OrderSort!], $limit: Int! = 20, $page: Int! = 1) {"
LIST += " orders(where: $where, sort: $sort, limit: $limit, page: $page) { number } }"


async def numbers(shop: Shop, **variables: object) -> list[int]:
    return [order["number"] for order in (await shop.data(LIST, **variables))["orders"]]


async def test_unknown_token_is_401_in_graphql_clothes(shop: Shop):
    answer = await shop.post("{ orders { number } }", "nobody")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]) == (
        401,
        {"category": "authentication"},
    )


async def test_unknown_token_may_be_answered_200(shop: Shop):
    await shop.sandbox.switch(centra__bad_token_status=200)
    answer = await shop.post("{ orders { number } }", "nobody")
    assert (answer.status_code, "data" in answer.json()) == (200, False)


async def test_token_expires_after_thirty_days(shop: Shop):
    shop.sandbox.world.clock.advance(timedelta(days=30).total_seconds())
    assert (await shop.post("{ rateLimits { type } }")).status_code == 401


async def test_missing_permission_is_named_as_documented(shop: Shop):
    weak = await shop.people("/tokens", integration="weak", permissions=["Event:read"])
    answer = await shop.post("{ orderConnection { totalCount } }", weak["token"])
    error = answer.json()["errors"][0]
    assert error["message"] == "You need Order:read permission to access orderConnection."
    assert (answer.status_code, error["extensions"]["category"]) == (200, "authorization")


async def test_part_of_an_order_needs_its_own_permission(shop: Shop):
    weak = await shop.people("/tokens", integration="weak", permissions=["Order:read"])
    answer = await shop.ask("{ orders { number shippingAddress { city } } }", weak["token"])
    assert answer["errors"][0]["path"] == ["orders", "shippingAddress"]


async def test_missing_permission_may_be_403(shop: Shop):
    await shop.sandbox.switch(centra__permission_status=403)
    weak = await shop.people("/tokens", integration="weak", permissions=["Event:read"])
    assert (await shop.post("{ orders { number } }", weak["token"])).status_code == 403


async def test_store_token_sees_no_other_store(shop: Shop):
    first, second = [(await shop.place(store=store))["number"] for store in (1, 2)]
    bound = await shop.people("/tokens", integration="europe", store=2)
    query = "query($n: [Int!]) { orders(where: {number: $n}) { number } }"
    assert await shop.data(query, bound["token"], n=[first, second]) == {"orders": [{"number": second}]}


async def test_extensions_are_always_there(shop: Shop):
    answer = await shop.ask("{ orders { number shippingAddress { city } } }")
    assert answer["extensions"] == {
        "complexity": 161,
        "permissionsUsed": ["Order:read", "Order.shippingAddress:read"],
        "appVersion": "v1.60.0",
    }
    assert "extensions" in await shop.ask("{ nonsense }")


@pytest.mark.parametrize(
    "query", ["{ orders { colour } }", "{ orders(where: {colour: 1}) { number } }", "{ orders {", "{ a"]
)
async def test_documents_outside_the_schema_are_refused(shop: Shop, query: str):
    answer = await shop.ask(query)
    assert answer["errors"][0]["extensions"]["category"] == "graphql"
    assert "data" not in answer


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", {"Content-Type": "application/json"}),
        (b"[]", {"Content-Type": "application/json"}),
        (b'{"query": 7}', {"Content-Type": "application/json"}),
        (b'{"query": "{ rateLimits { type } }"}', {"Content-Type": "text/plain"}),
    ],
)
async def test_body_that_is_no_request_is_400(shop: Shop, content: bytes, headers: dict):
    answer = await shop.sandbox.client.post(
        "/centra/graphql", content=content, headers={**HEADERS, **headers}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (LIST, {"limit": "abc"}),
        (LIST, {"limit": [1]}),
        (LIST, {"limit": 1.5}),
        (LIST, {"limit": None}),
        (LIST, {"limit": 2**31}),
        (LIST, {"where": {"colour": 1}}),
        (LIST, {"where": {"number": ["5"]}}),
        (LIST, {"where": {"status": ["EATEN"]}}),
        (LIST, {"where": {"updatedAt": 5}}),
        (LIST, {"sort": ["colour_ASC"]}),
        ("query($n: Int!) { orders(limit: $n) { number } }", {}),
        ("{ orders(colour: 1) { number } }", {}),
        ("{ orders { number { x } } }", {}),
        ("{ orders { lines } }", {}),
        ("query A { stores { id } } query B { stores { id } }", {}),
        ("subscription { orders { number } }", {}),
    ],
)
async def test_request_that_cannot_run_is_refused_and_used_up_all_the_same(
    shop: Shop, query: str, variables: dict
):
    answer = await shop.ask(query, **variables)
    assert (answer["errors"][0]["extensions"], "data" in answer) == ({"category": "graphql"}, False)
    limits = (await shop.data("{ rateLimits { type intervalSeconds usedQuota } }"))["rateLimits"]
    used = {one["type"]: one["usedQuota"] for one in limits if one["intervalSeconds"] == 3600}
    assert used["REQUEST_COUNT"] == 2


@pytest.mark.parametrize("variables", ["[]", '""', "0", "false", "[1]"])
async def test_variables_are_an_object_or_absent(shop: Shop, variables: str):
    content = b'{"query": "{ stores { id } }", "variables": ' + variables.encode() + b"}"
    headers = {**HEADERS, "Content-Type": "application/json"}
    answer = await shop.sandbox.client.post("/centra/graphql", content=content, headers=headers)
    assert answer.status_code == 400


async def test_store_token_lists_its_own_store_alone(shop: Shop):
    bound = await shop.people("/tokens", integration="europe", store=2)
    assert await shop.data("{ stores { id } }", bound["token"]) == {"stores": [{"id": 2}]}


@pytest.mark.parametrize("limit", [-5, 100_000])
async def test_senseless_limit_neither_fills_nor_drains_the_bucket(shop: Shop, limit: int):
    answer = await shop.ask(LIST, limit=limit)
    assert "between 1 and 200" in answer["errors"][0]["message"]
    assert 0 < answer["extensions"]["complexity"] <= 301


@pytest.mark.parametrize("limit", [0, 201])
async def test_limit_outside_1_to_200_is_an_error(shop: Shop, limit: int):
    assert "between 1 and 200" in (await shop.ask(LIST, limit=limit))["errors"][0]["message"]


async def test_pages_start_at_1_and_the_last_is_short(shop: Shop):
    placed = [(await shop.place())["number"] for _ in range(5)]
    pages = [await numbers(shop, sort=["number_ASC"], limit=2, page=page) for page in (1, 2, 3)]
    assert pages == [placed[:2], placed[2:4], placed[4:]]
    assert "page" in (await shop.ask(LIST, page=0))["errors"][0]["message"]


async def test_single_value_stands_for_a_list(shop: Shop):
    first = (await shop.place())["number"]
    await shop.place()
    assert await numbers(shop, where={"number": first}, sort="number_ASC") == [first]


async def test_sweep_by_updated_at_finds_what_was_edited(shop: Shop):
    first, second = [(await shop.place())["number"] for _ in range(2)]
    shop.sandbox.world.clock.advance(120)
    await shop.people(f"/orders/{first}/edit", comment="ring twice")
    assert await numbers(shop, sort=["updatedAt_ASC"]) == [second, first]
    assert await numbers(shop, where={"updatedAt": {"from": "-1 minute"}}) == [first]
    assert await numbers(shop, where={"updatedAt": {"to": "-1 minute"}}) == [second]


async def test_filters_narrow_and_negate_widens(shop: Shop):
    uk, eu = [(await shop.place(store=store))["number"] for store in (1, 2)]
    held = (await shop.place(hold="WAITING_FOR_PAYMENT"))["number"]
    assert await numbers(shop, where={"storeId": 2}) == [eu]
    assert await numbers(shop, where={"isWaitingForPayment": True}) == [held]
    where = {"storeId": [2], "negate": ["storeId"], "status": "CONFIRMED", "isOnHold": False}
    assert await numbers(shop, where=where) == [uk]
    assert await numbers(shop, where={"number": [uk, held], "negate": ["number"]}) == [eu]


async def test_date_that_is_none_is_an_error(shop: Shop):
    answer = await shop.ask(LIST, where={"updatedAt": {"from": "soon"}})
    assert (answer["data"], "soon" in answer["errors"][0]["message"]) == (None, True)


async def test_dates_carry_the_instances_offset(shop: Shop):
    shop.sandbox.world.clock.set(at=shop.sandbox.world.clock.now().replace(month=7, day=1, year=2026))
    token = (await shop.people("/tokens", integration="gateway"))["token"]
    await shop.place()
    (order,) = (await shop.data("{ orders { createdAt } }", token))["orders"]
    assert order["createdAt"].endswith("+02:00")


async def test_connection_pages_by_cursor(shop: Shop):
    placed = [(await shop.place())["number"] for _ in range(3)]
    query = "query($after: String) { orderConnection(first: 2, after: $after) { totalCount"
    query += " pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { number } } } }"
    first = (await shop.data(query))["orderConnection"]
    second = (await shop.data(query, after=first["pageInfo"]["endCursor"]))["orderConnection"]
    shown = [edge["node"]["number"] for page in (first, second) for edge in page["edges"]]
    assert (shown, first["totalCount"], second["pageInfo"]["hasNextPage"]) == (placed, 3, False)


async def test_history_tells_the_operation_and_which_orders_were_releasable(shop: Shop):
    free = (await shop.place())["number"]
    held = (await shop.place(hold="WAITING_FOR_PAYMENT"))["number"]
    await shop.data(LIST, sort=["number_ASC"])
    row = (await shop.rows("centra"))[-1]
    (change,) = row["changed"]
    assert (row["key"], row["status"], change["entity"]) == ("List", 200, "centra.answer")
    assert [(one["number"], one["releasable"]) for one in change["after"]["orders"]] == [
        (free, True),
        (held, False),
    ]
    assert change["after"]["started_at"] <= change["after"]["answered_at"]


async def test_dropped_mutation_was_done(shop: Shop):
    await shop.sandbox.switch(centra__autoconfirm=False)
    number = (await shop.place())["number"]
    await shop.sandbox.faults(
        {"system": "centra", "path": "/centra/graphql", "kind": "commit_then_drop", "times": 1}
    )
    with pytest.raises(httpx.TransportError):
        await shop.post(
            "mutation($n: Int!) { confirmOrder(input: {order: {number: $n}}) { userErrors { message } } }",
            n=number,
        )
    assert (await shop.data("{ orders { status } }"))["orders"] == [{"status": "CONFIRMED"}]


@pytest.mark.parametrize(
    ("query", "complexity"),
    [
        ("{ rateLimits { type } }", 10),
        ("{ orders(limit: 200) { number } }", 301),
        ("query($n: Int! = 50) { orders(limit: $n) { number } }", 151),
        ("{ orders(limit: 2) { number lines { id unitPrice { value } } } }", 123),
        (
            "{ orders(limit: 2) { ...a } } fragment a on Order { number ... on WholesaleOrder { purchaseOrderNumber } }",
            105,
        ),
    ],
)
async def test_complexity_grows_with_fields_and_limits(shop: Shop, query: str, complexity: int):
    assert (await shop.ask(query))["extensions"]["complexity"] == complexity
