import pytest

PRODUCTS = "/virtualstock/api/v4/products/"


async def find(edge, retailer: int = 31) -> dict:
    page = (await edge.ask("GET", PRODUCTS, limit=100)).json()
    return next(one for one in page["results"] if f"/clients/{retailer}/" in one["client"])


def number(product: dict) -> int:
    return int(product["url"].split("/products/")[1].split("/")[0])


async def test_a_product_is_found_by_its_part_number(edge):
    product = await find(edge)
    page = (await edge.ask("GET", PRODUCTS, part_number=product["part_number"])).json()
    assert [one["part_number"] for one in page["results"]] == [product["part_number"]]
    for slash in ("", "/"):
        assert (await edge.ask("GET", f"{PRODUCTS}{number(product)}{slash}")).status_code == 200


async def test_stock_is_one_patch_without_a_slash_and_is_not_echoed(edge):
    product = await find(edge)
    path = f"{PRODUCTS}{number(product)}/stock"
    assert (await edge.ask("PATCH", path, {"supplier_free_stock": 37})).status_code == 200
    assert (await edge.ask("PATCH", f"{path}/", {"supplier_free_stock": 37})).status_code != 200
    shown = (await edge.ask("GET", f"{PRODUCTS}{number(product)}/")).json()["data"]
    assert shown["stock_updated_at"]
    assert "supplier_free_stock" not in shown
    await edge.sandbox.switch(virtualstock__stock_echo=True)
    assert (await edge.ask("GET", f"{PRODUCTS}{number(product)}/")).json()["data"][
        "supplier_free_stock"
    ] == "37"


async def test_a_retailer_names_its_fields_as_it_likes(edge):
    shown = (await find(edge, 47))["data"]
    assert {"supplier_part_no", "supplier_lead_time"} <= set(shown)
    assert "supplier_part_number" in (await find(edge, 31))["data"]


@pytest.mark.parametrize("amount", [-1, None, "many", 1.5])
async def test_stock_that_is_no_figure_is_refused(edge, amount):
    path = f"{PRODUCTS}{number(await find(edge))}/stock"
    answer = await edge.ask("PATCH", path, {"supplier_free_stock": amount})
    assert (answer.status_code, list(answer.json())) == (400, ["supplier_free_stock"])


async def test_an_unknown_product_has_a_code(edge):
    answer = await edge.ask("PATCH", f"{PRODUCTS}1/stock", {"supplier_free_stock": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "PRODUCT_NOT_FOUND")


async def test_a_product_that_is_published_cannot_be_changed(edge):
    product = await find(edge)
    path = f"{PRODUCTS}{number(product)}/stock"
    await edge.people(f"/products/{number(product)}/publish")
    answer = await edge.ask("PATCH", path, {"supplier_free_stock": 1})
    assert (answer.status_code, "publishing status" in answer.json()["detail"]) == (409, True)
    edge.sandbox.world.clock.advance(121)
    assert (await edge.ask("PATCH", path, {"supplier_free_stock": 1})).status_code == 200


async def test_other_fields_take_the_whole_patch_and_come_back_as_text(edge):
    path = f"{PRODUCTS}{number(await find(edge))}/"
    answer = await edge.ask(
        "PATCH", path, {"data": {"lead_time_days": 10, "back_in_stock_date": "2026-11-24"}}
    )
    assert answer.json()["data"]["lead_time_days"] == "10"
    assert answer.json()["back_in_stock_date"] == "2026-11-24"
    assert (await edge.ask("PATCH", path, {"data": {}})).status_code == 400
