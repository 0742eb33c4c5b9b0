"""Orders that Sage would refuse, or put in the wrong place: found before any call, all at once, and never half."""

import json

import pytest

from tests.stories.test_retailers_order_is_acknowledged import acknowledged
from tests.stories.test_unmapped_value_waits_for_its_mapping import forget
from tests.stories.town import ADDRESS, parked, until

LONG_WORD = "x" * 61


async def clear(town, table: str) -> None:
    """An operator removes every row of a table."""
    headers = await town.headers()
    path = f"/api/v1/mappings/{table}"
    etag = (await town.api.get(path, headers=headers)).headers["etag"]
    body = {"rows": [], "reason": "a new beginning", "apply": True}
    answer = await town.api.put(path, json=body, headers={**headers, "If-Match": etag})
    assert answer.is_success, answer.text


async def only_case(town) -> dict:
    (case,) = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"]
    return case


@pytest.mark.requirement("R-29")
async def test_a_mandatory_project_code_without_a_rule_costs_no_call_and_its_rule_posts_the_order(town):
    await clear(town, "required_fields")
    await town.plug(store=4)
    order, other = await town.place(), await town.place(store=4)
    await parked(town, "E-REQFIELD", "E-REQFIELD")
    case = (await town.api.get("/api/v1/exceptions", headers=await town.headers())).json()["items"][0]
    (violation,) = case["violations"]
    assert (violation["field"], violation["need"]) == ("analysis_1", "required_fields")
    assert await town.calls("POST", "/sop_orders") == []
    row = {"connection": "uk", "store": "1", "target": "analysis_1", "constant": "P100"}
    await town.map("required_fields", row)
    (document,) = await town.posted(order)
    assert document["analysis_code_1"] == "P100"
    assert (await town.documents(other), await town.cases()) == ([], ["E-REQFIELD"])


@pytest.mark.requirement("R-30")
async def test_an_order_with_four_defects_is_one_case_with_four_codes(town):
    await clear(town, "required_fields")
    await town.plug(store=5)
    sku = await forget(town, town.skus[0])
    address = {**ADDRESS, "address1": LONG_WORD}
    await town.place(sku, store=5, tax="deducted", country="US", address=address)
    await town.heard()
    codes = [violation["code"] for violation in (await only_case(town))["violations"]]
    assert sorted(codes) == ["E-ADDRESS-LENGTH", "E-CCY-UNMAPPED", "E-REQFIELD", "E-SKU-UNKNOWN"]
    assert await town.calls("POST", "/sop_orders") == []


@pytest.mark.requirement("R-31")
async def test_euros_never_land_on_an_account_of_pounds_and_an_account_on_hold_waits(build_town):
    async with build_town(POLL_SECONDS="0.5", SAGE200__LOOKUP_TTL_SECONDS="1") as town:
        await town.plug(store=2)
        await town.map("customers", {"connection": "uk", "currency": "EUR", "reference": "WEBGBP"})
        await town.people("sage200/hold_customer", customer="WEBGBP", on_hold=True)
        wrong, held = await town.place(store=2, country="DE"), await town.place()
        await parked(town, "E-CUST-CURRENCY", "E-CUST-ONHOLD", "E-CUST-ONHOLD")
        assert await town.documents() == []
        await town.map("customers", {"connection": "uk", "currency": "EUR", "reference": "WEBEUR"})
        (document,) = await town.posted(wrong)
        await town.people("sage200/hold_customer", customer="WEBGBP", on_hold=False)
        (other,) = await town.posted(held)
        assert document["customer_id"] != other["customer_id"]
        assert await town.cases() == []


@pytest.mark.requirement("R-35")
async def test_a_retailers_long_line_is_wrapped_whole_or_parked_and_never_cut(depot):
    town = depot
    words = " ".join(f"word{place:02d}" for place in range(29))
    fits = await town.order_at("JLW", address={"full_name": "שרה 🧥 כהן", "line_1": words, "line_2": None})
    await acknowledged(town, fits)
    (document,) = await town.documents()
    told = json.dumps(document["delivery_address"], ensure_ascii=False)
    assert [word for word in [*words.split(), "שרה", "🧥", "כהן"] if word not in told] == []
    longest = " ".join(f"line{place:03d}" for place in range(32))
    assert len(longest) == 255
    await town.order_at("JLW", address={"line_1": longest, "line_2": "Flat 3"})
    await parked(town, "E-ADDRESS-LENGTH")
    assert len(await town.documents()) == 1


@pytest.mark.requirement("R-35")
async def test_letters_that_the_companys_labels_lack_are_a_persons_and_nothing_is_put_in_their_place(
    build_town,
):
    async with build_town(SAGE200__CHARSET="cp1252") as town:
        await town.place(town.skus[0], address={**ADDRESS, "city": "Łódź"})
        await town.place(town.skus[1], address={**ADDRESS, "city": "Orléans"})
        await parked(town, "E-ADDRESS-CHARSET")
        await until(lambda: booked(town))
        (document,) = await town.documents()
        assert document["delivery_address"]["city"] == "Orléans"


async def booked(town) -> bool:
    return bool(await town.documents())
