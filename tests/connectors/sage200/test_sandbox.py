"""The connector against the simulated Sage, over HTTP: the two share no code, only the documents."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import simplejson

from app.connectors.sage200.connector import open_erp
from app.domain.erp import DocumentStanding, Erp, Nominal, Wanted
from app.domain.errors import DestinationError, InDoubtError, PermanentError, SnoozeError
from tests.connectors.sage200.stage import MemoryTokens, order, settings
from tests.connectors.sage200.test_contract import operation, schema
from tests.sandbox.conftest import Running, running_sandbox


@dataclass
class Rehearsal:
    sandbox: Running
    company: dict[str, Any]
    sku: str
    tokens: MemoryTokens

    def settings(self, **changes: Any):
        root = f"{self.sandbox.url}/sage200"
        plain = {
            "base_url": f"{root}/uk/sage200extra/accounts/v1",
            "token_url": f"{root}/oauth/token",
            "client_id": self.company["client_id"],
            "client_secret": self.company["client_secret"],
            "refresh_token": self.company["refresh_token"],
            "site": self.company["site_id"],
            "company": self.company["company_id"],
            "timeout_seconds": 5,
        }
        return settings(**plain | changes)

    async def deed(self, name: str, **wish: Any) -> None:
        (await self.sandbox.client.post(f"/_sandbox/people/sage200/{name}", json=wish)).raise_for_status()

    async def orders(self) -> list[dict[str, Any]]:
        return [
            row
            for row in await self.sandbox.history()
            if row["method"] == "POST" and row["key"] and row["changed"]
        ]

    def order(self, **changes: Any):
        goods, carriage, rounding = order().entries
        here = (
            replace(goods, code=self.sku.lower(), nominal=Nominal("4000", "WEB", "UK")),
            replace(carriage, nominal=Nominal("4905", "WEB", "UK")),
            replace(rounding, nominal=Nominal("8250", "WEB", "UK")),
        )
        return order(**{"entries": here} | changes)


def check_answer(request, body) -> str:
    request.url = request.url.copy_with(path=request.url.path.removeprefix("/sage200"))
    action, _ = operation(request)
    answer = action["responses"]["200"]["content"]["application/json"]["schema"]
    schema(answer).validate(simplejson.loads(body, use_decimal=True))
    return action["operationId"]


@pytest.fixture
async def rehearsal(tmp_path) -> AsyncIterator[Rehearsal]:
    async with running_sandbox(tmp_path / "data") as running:
        seeded = (await running.client.post("/_sandbox/seed", json={"catalogue": {"skus": 20}})).json()
        sku = next(article["sku"] for article in seeded["catalogue"] if article["vat"] == "standard")
        yield Rehearsal(running, seeded["sage200"], sku, MemoryTokens())


@pytest.fixture
async def erp(rehearsal) -> AsyncIterator[Erp]:
    async with open_erp("main", rehearsal.settings(), rehearsal.tokens, lambda: datetime.now(UTC)) as opened:
        yield opened


async def test_an_order_is_placed_once_and_found_again(rehearsal, erp):
    assert await erp.probe(["CEN-10045"]) == {"CEN-10045": ()}
    made = await erp.place(rehearsal.order(), lambda: None)
    assert (made.net, made.tax, made.gross) == (Decimal("44.89"), Decimal("8.98"), Decimal("53.87"))
    assert (made.standing, made.quantities) == (DocumentStanding.LIVE, {rehearsal.sku: Decimal(2)})
    assert await erp.probe(["CEN-10045"]) == {"CEN-10045": (made,)}


async def test_facts_come_from_the_seeded_company(rehearsal, erp):
    facts = await erp.facts(
        Wanted(frozenset({"WEBGBP", "WEBEUR"}), frozenset({rehearsal.sku, "NOPE"}), frozenset({"0"}))
    )
    assert {code: customer.currency for code, customer in facts.customers.items()} == {
        "WEBGBP": "GBP",
        "WEBEUR": "EUR",
    }
    assert list(facts.products) == [rehearsal.sku]
    assert facts.by_barcode == {}
    assert facts.tax_codes["1"].rate == 20
    assert ("4000", "WEB", "UK") in facts.nominals
    assert {"HOME"} <= facts.warehouses
    assert facts.charges == {"CARRIAGE"}
    assert facts.required_analysis == {1}


async def test_a_product_is_found_by_its_barcode(rehearsal, erp):
    await rehearsal.deed("change_product", product=rehearsal.sku, barcode="5012345678900")
    facts = await erp.facts(Wanted(barcodes=frozenset({"5012345678900"})))
    assert [product.code for product in facts.by_barcode["5012345678900"]] == [rehearsal.sku]


async def test_the_seeded_company_passes_preflight(erp):
    assert await erp.preflight() == ()


async def test_what_the_simulated_sage_answers_fits_the_slice(rehearsal):
    answers = []

    class Recorder(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            response = await super().handle_async_request(request)
            body = await response.aread()
            answers.append((request, body))
            kept = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
            return httpx.Response(response.status_code, headers=kept, content=body)

    clock = lambda: datetime.now(UTC)
    async with open_erp("main", rehearsal.settings(), rehearsal.tokens, clock, Recorder()) as erp:
        await erp.facts(Wanted(frozenset({"WEBGBP"}), frozenset({rehearsal.sku}), frozenset({"1"})))
        await erp.place(rehearsal.order(), lambda: None)
        await erp.probe(["CEN-10045", "CEN-2"])
        await erp.preflight()
    checked = {check_answer(request, body) for request, body in answers if "oauth" not in request.url.path}
    assert len(checked) == 18


@pytest.mark.parametrize(
    ("switch", "value", "words"),
    [
        ("sage200__override_prices_discounts", False, "override_prices_discounts"),
        ("sage200__amend_nominal_codes", False, "amend_nominal_codes"),
        ("sage200__allocate_stock_on_order_entry", False, "allocate_stock_on_order_entry"),
        ("sage200__filter_spare_fields", False, "spare_text_1"),
        ("sage200__amend_header_analysis_codes", False, "analysis code 1"),
    ],
)
async def test_preflight_names_what_a_switch_of_sage_forbids(rehearsal, erp, switch, value, words):
    await rehearsal.sandbox.switch(**{switch: value})
    (problem,) = await erp.preflight()
    assert words in problem


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("sage200__wrapped_lists", ["sop_orders", "products", "customers", "tax_codes"]),
        ("sage200__reply_includes_children", True),
        ("sage200__unknown_fields", "refuse"),
        ("sage200__insufficient_stock", "negative"),
        ("sage200__refresh_reuse", "revoke"),
    ],
)
async def test_an_order_is_placed_in_either_position_of_a_switch(rehearsal, erp, switch, value):
    await rehearsal.sandbox.switch(**{switch: value})
    made = await erp.place(rehearsal.order(), lambda: None)
    assert (made.gross, made.quantities) == (Decimal("53.87"), {rehearsal.sku: Decimal(2)})


async def test_an_order_beyond_the_stock_is_entered_where_sage_refuses_to_allocate(rehearsal, erp):
    await rehearsal.sandbox.switch(sage200__insufficient_stock="refuse")
    goods, *rest = rehearsal.order().entries
    many = rehearsal.order(entries=(replace(goods, quantity=Decimal(99_999)), *rest))
    made = await erp.place(many, lambda: None)
    assert made.quantities == {rehearsal.sku: Decimal(99_999)}


@pytest.mark.parametrize("status", [400, 409, 423])
async def test_a_customer_open_at_a_desk_is_a_lock(rehearsal, erp, status):
    await rehearsal.sandbox.switch(sage200__locked_status=status)
    await rehearsal.deed("lock", customer="WEBGBP", user="jsmith")
    with pytest.raises(SnoozeError):
        await erp.place(rehearsal.order(), lambda: None)
    await rehearsal.deed("unlock", customer="WEBGBP")
    assert (await erp.place(rehearsal.order(), lambda: None)).number


async def test_a_customer_on_hold_parks(rehearsal, erp):
    await rehearsal.deed("hold_customer", customer="WEBGBP")
    with pytest.raises(PermanentError) as refused:
        await erp.place(rehearsal.order(), lambda: None)
    assert refused.value.code == "E-CUST-ONHOLD"


async def test_a_date_in_a_closed_period_parks(rehearsal, erp):
    await rehearsal.sandbox.switch(sage200__periods_open_from="2999-01-01")
    with pytest.raises(PermanentError) as refused:
        await erp.place(rehearsal.order(), lambda: None)
    assert refused.value.code == "E-PERIOD-CLOSED"


async def test_a_product_that_was_made_inactive_parks(rehearsal, erp):
    await rehearsal.deed("change_product", product=rehearsal.sku, active=False)
    with pytest.raises(PermanentError) as refused:
        await erp.place(rehearsal.order(), lambda: None)
    assert refused.value.code == "E-SKU-INACTIVE"


@pytest.mark.parametrize("kind", ["commit_then_drop", "commit_then_504"])
async def test_an_order_that_sage_kept_and_never_confirmed_is_found(rehearsal, erp, kind):
    rule = {
        "system": "sage200",
        "path": "/sop_orders",
        "method": "POST",
        "kind": kind,
        "probability": 1,
        "times": 1,
    }
    await rehearsal.sandbox.faults(rule)
    with pytest.raises(InDoubtError):
        await erp.place(rehearsal.order(), lambda: None)
    (found,) = (await erp.probe(["CEN-10045"]))["CEN-10045"]
    assert (found.standing, found.gross) == (DocumentStanding.LIVE, Decimal("53.87"))


@pytest.mark.parametrize("visible", ["by_key", "by_draft", "always"])
async def test_a_ghost_is_found_and_told_as_a_draft(rehearsal, erp, visible):
    await rehearsal.sandbox.switch(sage200__drafts_visible=visible)
    rule = {
        "system": "sage200",
        "path": "/sop_orders",
        "method": "POST",
        "kind": "ghost_draft",
        "probability": 1,
        "times": 1,
    }
    await rehearsal.sandbox.faults(rule)
    with pytest.raises(InDoubtError):
        await erp.place(rehearsal.order(), lambda: None)
    (found,) = (await erp.probe(["CEN-10045"]))["CEN-10045"]
    assert (found.standing, found.number) == (DocumentStanding.DRAFT, "")


async def test_an_order_whose_number_was_retyped_is_found_by_its_trace(rehearsal, erp):
    made = await erp.place(rehearsal.order(), lambda: None)
    await rehearsal.deed("retype", order=made.number, customer_document_no="PHONE CALL")
    (found,) = (await erp.probe(["CEN-10045"]))["CEN-10045"]
    assert (found.id, found.key) == (made.id, "PHONE CALL")


async def test_an_invoiced_order_still_exists(rehearsal, erp):
    made = await erp.place(rehearsal.order(), lambda: None)
    await rehearsal.deed("invoice", order=made.number)
    (found,) = (await erp.probe(["CEN-10045"]))["CEN-10045"]
    assert (found.id, found.standing) == (made.id, DocumentStanding.OTHER)


async def test_access_that_is_withdrawn_mid_run_costs_one_refresh(rehearsal, erp):
    await erp.probe(["X"])
    rehearsal.tokens.pair = replace(rehearsal.tokens.pair, saved_at=datetime(2020, 1, 1, tzinfo=UTC))
    async with open_erp("main", rehearsal.settings(), rehearsal.tokens, lambda: datetime.now(UTC)) as later:
        await rehearsal.deed("revoke_tokens", kinds=["access"])
        await later.probe(["X"])
    assert len(rehearsal.tokens.saved) == 2


async def test_a_broken_tunnel_rests_the_destination(rehearsal, erp):
    await erp.probe(["X"])
    await rehearsal.deed("tunnel", up=False)
    with pytest.raises(DestinationError):
        await erp.probe(["X"])


async def test_a_wrong_site_rests_the_destination_and_names_it(rehearsal):
    wrong = rehearsal.settings(site="00000000-0000-0000-0000-000000000000")
    async with open_erp("main", wrong, rehearsal.tokens, lambda: datetime.now(UTC)) as erp:
        with pytest.raises(DestinationError, match="X-Site"):
            await erp.probe(["X"])
    assert len(rehearsal.tokens.saved) == 1


async def test_the_simulated_sage_tells_the_group_of_a_product(rehearsal):
    clock = lambda: datetime.now(UTC)
    async with open_erp("main", rehearsal.settings(), rehearsal.tokens, clock) as erp:
        facts = await erp.facts(Wanted(products=frozenset({rehearsal.sku})))
    assert facts.products[rehearsal.sku].group == "CLOTHING"
