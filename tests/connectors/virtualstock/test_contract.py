"""Whatever this connector sends fits the contract: our slice of it always, Virtualstock's own collection where it lies beside
us. The simulated Virtualstock answers what the slice says.
"""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from app.domain.channel import Acknowledgement, Return, Shipment
from app.domain.despatch import Parcel
from tests.connectors.virtualstock.conftest import NOW, opened
from tests.connectors.virtualstock.wire import item, order, page
from tests.sandbox.conftest import running_sandbox
from tests.sandbox.virtualstock.conftest import open_edge

ROOT = Path(__file__).parents[3]
COLLECTION = ROOT.parent / "shared" / "vendors" / "specs" / "virtualstock" / "postman_collection.json"
SLICE = json.loads((ROOT / "openapi" / "vendors" / "virtualstock.json").read_text())
PROFILE = {
    "id": 31,
    "supplier_reference": "ack_comment",
    "ack_sub_status": "Pending",
    "fulfillment_route": "Direct to customer",
    "tells_dates": True,
}


def pattern(path: str) -> str:
    return re.sub(r"/[0-9]+(?=/)", "/{id}", path)


def schema(part: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": SLICE["components"], **part})


@pytest.fixture
async def sent(vendor, clock):
    """Every request of a working day."""
    parcel = Parcel("42", (("01", 2),), "dpd", "", "0" * 100, "https://track.example/1", date(2026, 11, 5))
    one = order(items=[item("01", promised_date=None)])
    shown = order(items=[item("01", status="ORDER_ACK")])
    carriers = [{"id": 1, "slug": "dpd", "name": "DPD"}]
    cancelled = order(items=[item("01", status="CANCEL")])
    asked = order(items=[item("01", status="RMA")])
    vendor.reply(*([page()] * 7), one, 200, cancelled, 200, asked, 200, page(), shown, carriers, 200)
    async with opened(vendor, clock, retailers={"ARG": PROFILE}) as channel:
        for place in range(3):
            await channel.polls["open_orders"]({"status": place}, NOW)
        for place in range(2):
            await channel.polls["acknowledged_orders"]({"status": place}, NOW)
        await channel.polls["returns"]({}, NOW)
        await channel.fetch_orders(["ARG-A1"])
        await channel.acknowledge(Acknowledgement("ARG-A1", "7", "0000001579", NOW, {"01": 2}))

        await channel.answer_cancellation("7", frozenset({"01", "02", "03"}))
        await channel.acknowledge_return(Return("a return", "7", "01", 1))
        await channel.catalogue({})

        async def begin() -> None:
            clock.at = NOW.replace(hour=NOW.hour + 1)  # the access token ends: the pair is refreshed

        await channel.ship(Shipment("ARG-A1", "7", parcel, {"01": 2}, {}, NOW), begin)
    return [*vendor.asked, *vendor.logins]


async def test_every_request_is_one_of_the_slice_and_all_of_it_is_sent(sent):
    named = {SLICE["paths"][pattern(one.url.path)][one.method.lower()]["operationId"] for one in sent}
    assert named == {action["operationId"] for path in SLICE["paths"].values() for action in path.values()}


async def test_every_body_and_option_fits(sent):
    for request in sent:
        action = SLICE["paths"][pattern(request.url.path)][request.method.lower()]
        assert set(request.url.params) <= {one["name"] for one in action.get("parameters", ())}
        if "requestBody" in action:
            schema(action["requestBody"]["content"]["application/json"]["schema"]).validate(
                json.loads(request.content)
            )


@pytest.mark.skipif(not COLLECTION.exists(), reason="the vendor's own collection is not here")
async def test_every_request_is_one_of_the_vendors_own_collection(sent):
    """Method, path with its slash, and the names of a body's fields."""
    known: dict[tuple[str, str], set[str]] = {}
    for request in requests_of(json.loads(COLLECTION.read_text())["item"]):
        url = request["url"] if isinstance(request["url"], str) else request["url"]["raw"]
        path = urlsplit(
            url.replace("{{v4-domain}}", "https://edge.test").replace("https://https://", "https://")
        ).path
        path = re.sub(r"/ORDER_URI(?=/)", "/{id}", path).partition("&")[0]
        told = (request.get("description") or "").replace("\\_", "_")
        fields = names_in(request.get("body", {}).get("raw", ""))
        fields |= set(re.findall(r"^\| (\w+) \|", told, re.MULTILINE))
        known.setdefault((request["method"], path), set()).update(fields)
    for request in sent:
        fields = known[request.method, pattern(request.url.path)]
        assert names_in(request.content.decode()) <= fields


def requests_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        one
        for entry in items
        for one in (requests_of(entry["item"]) if "item" in entry else [entry["request"]])
    ]


def names_in(text: str) -> set[str]:
    return set(re.findall(r'"(\w+)"\s*:', text))


async def test_the_simulated_virtualstock_answers_as_the_slice_says(tmp_path):
    async with running_sandbox(tmp_path / "data") as sandbox:
        edge = await open_edge(sandbox)
        for code in ("ARG", "JLW", "AWK"):
            placed = await edge.place(code, (1, 2))
            schema({"$ref": "#/components/schemas/order"}).validate(await edge.order(placed["id"]))
        schema({"$ref": "#/components/schemas/order_page"}).validate(await edge.orders())
        products = (await edge.ask("GET", "/virtualstock/api/v4/products/")).json()
        assert products["results"]
        schema({"$ref": "#/components/schemas/product_page"}).validate(products)
        await edge.act(placed, "acknowledge")
        await edge.act(placed, "dispatch")
        await edge.people(f"/orders/{placed['id']}/return-request")
        returns = (await edge.ask("GET", "/returns/", return_status="RMA")).json()
        assert returns["count"] == 1
        schema({"$ref": "#/components/schemas/return_page"}).validate(returns)
        carriers = (await edge.ask("GET", "/order-tracking-carriers/")).json()
        schema({"type": "array", "items": {"$ref": "#/components/schemas/carrier"}}).validate(carriers)
