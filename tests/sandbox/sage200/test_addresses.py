"""Delivery addresses of customers, and orders that name one."""

from typing import Any

import pytest

from tests.sandbox.sage200.conftest import Sage

PATH = "customer_delivery_addresses"


def address(sage: Sage, **more: Any) -> dict[str, Any]:
    return {
        "customer_id": sage.id("customer", "WEBGBP"),
        "description": "Leeds store",
        "tax_code_id": sage.id("tax_code", "1"),
        "postal_name": "A Store",
        "address_1": "1 High Street",
        "postcode": "LS1 1AA",
        "telephone": "0" * 40,
        "email": "store@example.com",
    } | more


async def test_address_is_kept_with_its_customer(sage: Sage):
    made = await sage.write("POST", PATH, address(sage))
    assert await sage.get(f"{PATH}/{made['id']}") == made
    nested = await sage.get(f"customers/{made['customer_id']}/{PATH}")
    assert [row["description"] for row in nested] == ["Leeds store"]
    assert await sage.get(f"customers/{sage.id('customer', 'PHONE')}/{PATH}") == []
    assert (made["is_default"], made["country"]) == (False, None)


async def test_found_by_customer_and_postcode(sage: Sage):
    await sage.write("POST", PATH, address(sage))
    text = f"customer_id eq {sage.id('customer', 'WEBGBP')} and postcode eq 'LS1 1AA'"
    rows = await sage.get(PATH, filter=text, expand="customer,tax_code")
    assert [(row["customer"]["reference"], row["tax_code"]["code"]) for row in rows] == [("WEBGBP", 1)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"customer_id": 5}, "customer"),
        ({"customer_id": None}, "customer_id"),
        ({"description": ""}, "description"),
        ({"description": "d" * 256}, "description"),
        ({"tax_code_id": 5}, "tax code"),
        ({"country_code_id": 5}, "country code"),
        ({"address_country_code_id": 5}, "country code"),
        ({"address_1": "a" * 61}, "address_1"),
        ({"postcode": "1" * 11}, "postcode"),
        ({"contact": "c" * 236}, "contact"),
        ({"telephone": "0" * 61}, "telephone"),
        ({"fax": "0" * 31}, "fax"),
        ({"email": "e" * 256}, "email"),
        ({"tax_number": "t" * 31}, "tax_number"),
        ({"is_default": "true"}, "is_default"),
    ],
)
async def test_wrong_address_is_refused(sage: Sage, more: dict, said: str):
    assert said in (await sage.write("POST", PATH, address(sage, **more), 400))["Message"]
    assert await sage.get(PATH) == []


@pytest.mark.parametrize("name", ["customer_id", "description", "tax_code_id"])
async def test_required_fields(sage: Sage, name: str):
    body = address(sage)
    del body[name]
    assert name in (await sage.write("POST", PATH, body, 400))["Message"]


async def test_customer_has_one_default(sage: Sage):
    first = await sage.write("POST", PATH, address(sage, is_default=True))
    second = await sage.write("POST", PATH, address(sage, is_default=True))
    other = await sage.write(
        "POST", PATH, address(sage, is_default=True, customer_id=sage.id("customer", "PHONE"))
    )
    rows = {row["id"]: row["is_default"] for row in await sage.get(PATH)}
    assert rows == {first["id"]: False, second["id"]: True, other["id"]: True}


async def test_country_follows_its_code(sage: Sage):
    code = sage.id("country_code", "IE")
    made = await sage.write("POST", PATH, address(sage, address_country_code_id=code, country="Eire"))
    assert made["country"] == "Ireland"


async def test_address_is_changed_and_deleted(sage: Sage):
    made = await sage.write("POST", PATH, address(sage))
    path = f"{PATH}/{made['id']}"
    changed = await sage.write("PUT", path, {"address_1": "2 High Street"})
    assert (changed["address_1"], changed["description"]) == ("2 High Street", "Leeds store")
    await sage.write("PUT", path, {"customer_id": sage.id("customer", "PHONE")}, 400)
    await sage.write("PUT", path, {"description": ""}, 400)
    assert (await sage.call("DELETE", path)).status_code == 200
    assert (await sage.call("PUT", path, {})).status_code == 404
    assert (await sage.call("DELETE", path)).status_code == 404


async def test_order_takes_a_stored_address_by_id(sage: Sage):
    made = await sage.write("POST", PATH, address(sage))
    order = await sage.enter(sage.order(customer_delivery_address_id=made["id"], use_invoice_address=True))
    shown = await sage.get(f"sop_orders/{order['id']}", expand="delivery_address")
    delivery = shown["delivery_address"]
    assert (shown["use_invoice_address"], delivery["postal_name"], delivery["postcode"]) == (
        False,
        "A Store",
        "LS1 1AA",
    )
    assert (delivery["telephone_number"], delivery["email_address"]) == ("0" * 30, "store@example.com")


async def test_copied_address_stays_what_it_was(sage: Sage):
    made = await sage.write("POST", PATH, address(sage))
    order = await sage.enter(sage.order(customer_delivery_address_id=made["id"]))
    await sage.write("PUT", f"{PATH}/{made['id']}", {"address_1": "2 High Street"})
    path = f"sop_orders/{order['id']}"
    await sage.write("PUT", path, {"order_priority": "A"})
    first = (await sage.get(path, expand="delivery_address"))["delivery_address"]["address_1"]
    await sage.write("PUT", path, {"customer_delivery_address_id": made["id"]})
    second = (await sage.get(path, expand="delivery_address"))["delivery_address"]["address_1"]
    assert (first, second) == ("1 High Street", "2 High Street")


async def test_order_cannot_take_an_address_of_another_customer(sage: Sage):
    made = await sage.write("POST", PATH, address(sage, customer_id=sage.id("customer", "PHONE")))
    assert "another customer" in await sage.refused(sage.order(customer_delivery_address_id=made["id"]))
    assert "delivery address" in await sage.refused(sage.order(customer_delivery_address_id=5))
