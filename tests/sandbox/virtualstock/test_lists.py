from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest


async def test_an_order_reads_as_documented(edge):
    placed = await edge.place("JLW", (2, 1), purchase_order_reference="PO-1")
    (order,) = (await edge.orders(status="ORDER"))["results"]
    assert urlsplit(order["url"]).path == f"/restapi/v4/orders/{placed['id']}/"
    assert len(order["order_date"]) == 19
    assert (order["status"], order["channel"], order["purchase_order_reference"]) == ("ORDER", None, "PO-1")
    first = order["items"][0]
    assert first["part_number"] != first["retailer_sku_reference"]
    assert first["supplier_sku_reference"] == edge.articles[0]["sku"]
    assert first["retailer_additional_reference"] == edge.articles[0]["ean"]
    assert {type(first[name]) for name in ("unit_cost_price", "subtotal", "tax", "total", "tax_rate")} == {
        str
    }
    assert "channel" not in await edge.order(placed["id"])


async def test_one_body_names_two_hosts(edge):
    for _ in range(2):
        await edge.place()
    page = await edge.orders(limit=1)
    assert urlsplit(page["next"]).netloc != urlsplit(page["results"][0]["url"]).netloc
    assert page["previous"] is None


async def test_an_awkward_retailer_leaves_out_what_it_can(edge):
    await edge.place("AWK", (1, 1))
    (order,) = (await edge.orders())["results"]
    lines = order["items"]
    assert [line["line_reference"] for line in lines] == ["001", "002"]
    assert {line["supplier_sku_reference"] for line in lines} == {None}
    assert {line["unit_cost_price"] for line in lines} == {None}
    assert (order["total"], order["shipping_address"]["country"]) == (None, "United Kingdom")
    assert len(order["order_reference"]) > 60


async def test_pages_have_ten_orders_and_a_hundred_at_most(edge):
    lines = [{"sku": edge.articles[0]["sku"]}]
    await edge.people("/orders", orders=[{"account": "northgate", "retailer": "ARG", "lines": lines}] * 105)
    assert len((await edge.orders())["results"]) == 10
    assert len((await edge.orders(limit=1000))["results"]) == 100
    last = await edge.orders(limit=100, offset=100)
    assert (len(last["results"]), last["count"], last["next"]) == (5, 105, None)
    assert "offset" not in last["previous"]
    await edge.sandbox.switch(virtualstock__page_size_most=20)
    assert len((await edge.orders(limit=1000))["results"]) == 20


async def test_a_page_figure_that_is_none_is_refused(edge):
    answer = await edge.ask("GET", "/orders/", limit="many")
    assert (answer.status_code, answer.json()) == (400, {"limit": ["A valid integer is required."]})


async def test_filters_narrow_the_list(edge):
    argos, lewis = await edge.place("ARG"), await edge.place("JLW")
    await edge.act(argos, "acknowledge")
    found = {
        (await edge.orders(**params))["count"]
        for params in (
            {"status": "ORDER_ACK"},
            {"retailer_id": 47},
            {"order_reference": lewis["order_reference"]},
            {"part_number": lewis["lines"][0]["part_number"]},
        )
    }
    assert found == {1}
    assert (await edge.orders(supplier_id=1))["count"] == 0


async def test_pages_shift_when_an_order_leaves_the_list(edge):
    placed = [await edge.place() for _ in range(4)]
    first = await edge.orders(status="ORDER", limit=2)
    await edge.act(placed[0], "acknowledge")
    second = await edge.orders(status="ORDER", limit=2, offset=2)
    seen = {row["order_reference"] for row in first["results"] + second["results"]}
    assert placed[2]["order_reference"] not in seen


async def test_a_list_may_shrink_between_pages_and_grow_again(edge):
    placed = [await edge.place() for _ in range(3)]
    await edge.sandbox.faults({"kind": "list_shrinks", "times": 1, "seconds": 60})
    await edge.orders(limit=2)
    assert (await edge.orders())["count"] == 2
    edge.sandbox.world.clock.advance(61)
    assert (await edge.orders())["results"][0]["order_reference"] == placed[0]["order_reference"]


@pytest.mark.parametrize(("sort", "place"), [("oldest", 0), ("newest", 1)])
async def test_the_order_of_the_list_is_told_nowhere(edge, sort, place):
    placed = [await edge.place(), await edge.place()]
    await edge.sandbox.switch(virtualstock__order_sort=sort)
    first = (await edge.orders())["results"][0]
    assert first["order_reference"] == placed[place]["order_reference"]


async def test_other_suppliers_orders_do_not_exist(edge):
    theirs = await edge.place(account="rival")
    assert (await edge.orders())["count"] == 0
    assert (await edge.ask("GET", f"/orders/{theirs['id']}/")).status_code == 404
    assert (await edge.act(theirs, "acknowledge")).status_code == 404


async def test_lists_can_have_a_window_that_is_moved_by_days(edge):
    placed = [
        await edge.place(placed_at=(datetime.now(UTC) - timedelta(days=days)).isoformat())
        for days in (0, 1, 4, 9)
    ]
    assert (await edge.orders())["count"] == 4
    await edge.sandbox.switch(virtualstock__window_hours=73)

    async def shown(**more: object) -> list[str]:
        return [one["order_reference"] for one in (await edge.orders(**more))["results"]]

    references = [order["order_reference"] for order in placed]
    assert await shown() == references[:2]
    assert await shown(chg_days=5) == [references[2]]
    assert await shown(chg_days=10) == [references[3]]
    assert await shown(order_reference=references[3]) == [references[3]]
    await edge.act(placed[3], "acknowledge")
    assert await shown() == [*references[:2], references[3]]
    assert await shown(ord_days=10) == [references[3]]
    assert await shown(ord_days=2) == references[:2]


async def test_the_next_link_may_lack_its_slash(edge):
    for _ in range(2):
        await edge.place()
    assert "/orders/?" in (await edge.orders(limit=1))["next"]
    await edge.sandbox.switch(virtualstock__next_slash=False)
    assert "/orders?" in (await edge.orders(limit=1))["next"]


async def test_carriers_are_a_bare_list_that_changes(edge):
    carriers = (await edge.ask("GET", "/order-tracking-carriers/")).json()
    assert {"id", "slug", "name"} == set(carriers[0])
    assert "dpd" in {one["slug"] for one in carriers}
    await edge.people(
        "/carriers", rename={"dpd": "dpd-gb"}, remove=["yodel"], add=[{"slug": "new", "name": "New"}]
    )
    slugs = {one["slug"] for one in (await edge.ask("GET", "/order-tracking-carriers/")).json()}
    assert {"dpd", "yodel"}.isdisjoint(slugs)
    assert {"dpd-gb", "new"} <= slugs


async def test_retailers_are_listed_with_an_address_that_ends_in_a_query(edge):
    page = (await edge.ask("GET", "/customers/")).json()
    assert {one["id"] for one in page["results"]} == {31, 47, 58}
    assert page["results"][0]["url"].endswith("/?format=json")


@pytest.mark.parametrize("window", ["fixed", "sliding"])
async def test_a_minute_holds_so_many_requests(edge, window):
    edge.sandbox.world.clock.set(at=edge.sandbox.world.clock.now().replace(second=5), scale=0.001)
    await edge.sandbox.switch(virtualstock__requests_per_minute=3, virtualstock__throttle_window=window)
    assert [(await edge.ask("GET", "/orders/")).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = await edge.ask("GET", "/orders/")
    seconds = int(answer.headers["retry-after"])
    assert answer.json()["detail"] == f"Request was throttled. Expected available in {seconds}.0 seconds."
    assert seconds == (55 if window == "fixed" else 60)
    edge.sandbox.world.clock.advance(seconds)
    assert (await edge.ask("GET", "/orders/")).status_code == 200


async def test_a_stranger_uses_up_the_same_minute(edge):
    await edge.people("/quota", username="northgate", requests=250)
    await edge.sandbox.switch(virtualstock__retry_after=False)
    answer = await edge.ask("GET", "/orders/")
    assert (answer.status_code, "retry-after" in answer.headers) == (429, False)
