"""The connector and the simulated Centra know nothing of each other: here they meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from graphql import build_schema, parse

from app.connectors.centra.connector import open_channel
from app.connectors.centra.documents import ALL, ORDERS, SHIPPED_ORDERS
from app.domain.channel import Channel
from app.domain.errors import DestinationError
from app.domain.message import Draft
from app.domain.money import tax_within
from app.domain.order import Order, Standing, Unreadable
from app.sandbox.centra.sign import sign, write_body
from app.sandbox.centra.weigh import weigh
from tests.connectors.centra.conftest import make_settings
from tests.connectors.centra.test_client import SCHEMA
from tests.sandbox.centra.conftest import TOKEN, Shop
from tests.sandbox.conftest import running_sandbox

SECRET = "secret of the shop"


@pytest.fixture
async def shop(tmp_path) -> AsyncIterator[Shop]:
    seeds = {"catalogue": {"skus": 20}, "centra": {"tokens": [{"token": TOKEN, "integration": "gateway"}]}}
    async with running_sandbox(tmp_path / "data") as sandbox:
        made = (await sandbox.client.post("/_sandbox/seed", json=seeds)).json()
        await sandbox.switch(centra__autoconfirm=True)
        yield Shop(sandbox, made["catalogue"])


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def connected(shop: Shop, **changes) -> AsyncIterator[Channel]:
    given = {"base_url": f"{shop.sandbox.url}/centra/graphql", "token": TOKEN, "webhook_secrets": [SECRET]}
    async with open_channel("uk", make_settings(**given, **changes), now) as channel:
        yield channel


async def fetch(shop: Shop, placed: dict, **changes) -> Order | Unreadable:
    async with connected(shop, **changes) as channel:
        return (await channel.fetch_orders([str(placed["number"])]))[str(placed["number"])]


def basket(shop: Shop, *quantities: int) -> list[dict]:
    """An adult's article and a child's, so that there are two rates."""
    articles = [shop.articles[0], shop.articles[10], shop.articles[5]]
    return [{"sku": one["sku"], "quantity": count} for one, count in zip(articles, quantities, strict=False)]


def refs(drafts: tuple[Draft, ...]) -> list[str]:
    return [draft.order_ref for draft in drafts]


def adds_up(order: Order, tax: Decimal = Decimal(0)) -> bool:
    goods = sum(line.gross for line in order.lines) + sum(charge.gross for charge in order.charges)
    return goods - order.discount + tax == order.totals.gross


async def test_placed_order_is_read_to_the_penny(shop):
    placed = await shop.place(*basket(shop, 2, 1), vouchers=[{"percent": 10}], shipping="4.95")
    order = await fetch(shop, placed)
    figures = placed["figures"]
    assert (order.totals.gross, order.totals.tax) == (
        Decimal(figures["grand_total"]),
        Decimal(figures["tax"]),
    )
    assert (order.discount, adds_up(order)) == (Decimal(figures["discounts"]), True)
    assert [(line.sku, line.quantity) for line in order.lines] == [
        (wish["sku"], wish["quantity"]) for wish in basket(shop, 2, 1)
    ]
    assert {line.tax_rate for line in order.lines} == {Decimal(20), Decimal(0)}
    assert (order.standing, order.country, order.delivery.city) == (Standing.RELEASABLE, "GB", "Leeds")


@pytest.mark.parametrize("prices", ["split", "parent"])
async def test_bundle_is_booked_once_wherever_its_price_stands(shop, prices):
    await shop.sandbox.switch(centra__bundle_prices=prices)
    items = [{"sku": shop.articles[0]["sku"]}, {"sku": shop.articles[1]["sku"], "quantity": 2}]
    bundle = {"bundle": {"sku": "SET", "name": "Set", "price": "100.00"}, "quantity": 1, "items": items}
    order = await fetch(shop, await shop.place(bundle, *basket(shop, 1)))
    assert sorted(order.skus()) == sorted([item["sku"] for item in items] + [basket(shop, 1)[0]["sku"]])
    assert adds_up(order)


@pytest.mark.parametrize("shown", ["listed", "computed"])
async def test_order_with_tax_on_top_is_a_net_order(shop, shown):
    await shop.sandbox.switch(centra__including_tax=shown)
    placed = await shop.place(*basket(shop, 1, 2), tax="added", shipping="10", country="US", store=5)
    order = await fetch(shop, placed)
    assert (order.tax_included, adds_up(order, order.totals.tax)) == (False, True)
    assert order.totals.tax == Decimal(placed["figures"]["tax"]) > 0


@pytest.mark.parametrize("more", [{}, {"vouchers": [{"percent": 15}]}, {"handling": "3.30"}])
async def test_exempt_order_is_a_net_order_at_no_tax(shop, more):
    order = await fetch(shop, await shop.place(*basket(shop, 3, 1, 7), tax="deducted", shipping="6", **more))
    assert (order.tax_included, order.totals.tax, {line.tax_rate for line in order.lines}) == (False, 0, {0})
    assert adds_up(order)


async def test_free_shipping_leaves_the_goods_alone(shop):
    placed = await shop.place(*basket(shop, 1), shipping="6", vouchers=[{"free_shipping": True}])
    order = await fetch(shop, placed)
    assert (order.charges, order.discount, adds_up(order)) == ((), 0, True)
    assert order.totals.tax == tax_within(order.totals.gross, Decimal(20))


async def test_order_of_nothing_is_releasable(shop):
    placed = await shop.place(*basket(shop, 1, 1), vouchers=[{"percent": 100}])
    order = await fetch(shop, placed)
    assert (order.standing, order.totals.gross, adds_up(order)) == (Standing.RELEASABLE, 0, True)


async def test_store_credit_is_not_taken_for_a_discount(shop):
    order = await fetch(shop, await shop.place(*basket(shop, 1), vouchers=[{"credit": "5"}]))
    assert [violation.code for violation in order.violations] == ["E-GIFT-CARD"]


async def test_gift_certificate_never_becomes_goods(shop):
    order = await fetch(shop, await shop.place({"gift_certificate": True, "price": "50"}))
    assert isinstance(order, Unreadable) or order.skus() == ()


async def test_split_payment_changes_nothing_of_the_sale(shop):
    order = await fetch(shop, await shop.place(*basket(shop, 1), gift_card="5"))
    assert (order.discount, adds_up(order)) == (0, True)


@pytest.mark.parametrize("held", ["visible", "hidden"])
async def test_held_order_waits_and_its_release_shows(shop, held):
    await shop.sandbox.switch(centra__held_orders=held)
    placed = await shop.place(*basket(shop, 1), hold="WAITING_FOR_PAYMENT")
    before = await fetch(shop, placed)
    await shop.people(f"/orders/{placed['number']}/release")
    after = await fetch(shop, placed)
    assert (before.standing, before.hold_reason) == (Standing.HELD, "WAITING_FOR_PAYMENT")
    assert after.standing is Standing.RELEASABLE


async def test_partly_and_wholly_cancelled_orders_say_so(shop):
    wishes = basket(shop, 2, 1)
    placed = await shop.place(*wishes, shipping="5")
    path = f"/orders/{placed['number']}"
    await shop.people(f"{path}/cancel-lines", lines=[{"sku": wishes[1]["sku"]}])
    partly = await fetch(shop, placed)
    await shop.people(f"{path}/cancel")
    wholly = await fetch(shop, placed)
    assert [(line.quantity, line.cancelled) for line in partly.lines] == [(2, 0), (0, 1)]
    assert (adds_up(partly), partly.skus()) == (True, (wishes[0]["sku"],))
    assert (wholly.standing, wholly.lines[0].quantity) == (Standing.CANCELLED, 2)


async def test_wholesale_order_names_its_account(shop):
    placed = await shop.place(*basket(shop, 10), store=3, purchase_order_number="PO-1", account={"id": 77})
    order = await fetch(shop, placed)
    assert (order.wholesale, order.account, order.purchase_order, order.store) == (True, "77", "PO-1", "3")


async def test_other_stores_orders_do_not_exist_for_a_connection(shop):
    placed = [await shop.place(*basket(shop, 1), store=store) for store in (1, 4)]
    numbers = [str(one["number"]) for one in placed]
    async with connected(shop, store=1) as channel:
        page = await channel.polls["orders"]({}, now())
        assert set(await channel.fetch_orders(numbers)) == set(refs(page.drafts)) == {numbers[0]}


async def test_sweep_sees_each_change_once_and_reads_all_pages(shop):
    numbers = [str((await shop.place(*basket(shop, 1)))["number"]) for _ in range(3)]
    async with connected(shop) as channel:
        first = await channel.polls["orders"]({}, now())
        await shop.people(f"/orders/{numbers[0]}/hold")
        second = await channel.polls["orders"](first.cursor, now())
    assert (sorted(refs(first.drafts)), first.more) == (numbers, False)
    assert sorted(set(refs(second.drafts))) == numbers


async def test_queue_is_read_and_forgotten_only_when_told(shop):
    async with connected(shop) as channel:
        empty = await channel.polls["events"]({}, now())
        placed = await shop.place(*basket(shop, 1))
        page = await channel.polls["events"](empty.cursor, now())
        again = await channel.polls["events"](page.cursor, now())
        await channel.confirm(page.confirm)
        after = await channel.polls["events"](again.cursor, now())
    assert (empty.drafts, refs(page.drafts)) == ((), [str(placed["number"])])
    assert (again.drafts, after.drafts) == (page.drafts, ())


@pytest.mark.parametrize("way", ["pass", "refuse"])
async def test_events_that_somebody_else_confirmed_are_no_trouble(shop, way):
    await shop.sandbox.switch(centra__confirm_unknown_event=way)
    async with connected(shop) as channel:
        empty = await channel.polls["events"]({}, now())
        await shop.place(*basket(shop, 1))
        page = await channel.polls["events"](empty.cursor, now())
        await channel.confirm(page.confirm)
        await channel.confirm(page.confirm)
        assert (await channel.polls["events"](empty.cursor, now())).confirm == ()


@pytest.mark.parametrize("way", ["pass", "refuse"])
async def test_queue_moves_on_though_a_thief_confirms_half_of_a_page(shop, way):
    await shop.sandbox.switch(centra__confirm_unknown_event=way)
    async with connected(shop) as channel:
        cursor = (await channel.polls["events"]({}, now())).cursor
        for _ in range(2):
            await shop.place(*basket(shop, 1))
        stale = await channel.polls["events"](cursor, now())
        await channel.confirm(stale.confirm[:1])
        await channel.confirm(stale.confirm)
        assert (await channel.polls["events"](cursor, now())).confirm == ()


@pytest.mark.parametrize("space", ["+", "%20"])
async def test_webhook_of_the_sandbox_is_received(shop, space):
    moment = now()
    event = {"type": "order", "action": "insert", "date": "2026-03-02 09:14:07.118204", "id": 20417}
    body = write_body([event], space)
    async with connected(shop) as channel:
        (draft,) = channel.receive(
            body, {"x-centra-signature": sign(SECRET, int(moment.timestamp()), body)}, moment
        )
    assert draft.order_ref == "20417"


@pytest.mark.parametrize("form", ["epoch", "http-date", "delta"])
async def test_spent_quota_says_when_to_come_back(shop, form):
    await shop.sandbox.switch(centra__retry_after=form)

    async def ask_until_it_is_spent() -> None:
        """A slow machine may find that the bucket has filled a little again."""
        async with connected(shop) as channel:
            for _ in range(50):
                await shop.people("/quota", REQUEST_COUNT=60)
                await channel.fetch_orders(["1"])

    with pytest.raises(DestinationError) as caught:
        await ask_until_it_is_spent()
    assert timedelta(0) < caught.value.resume_at - now() <= timedelta(seconds=11)


@pytest.mark.parametrize("status", [401, 200])
async def test_bad_token_rests_the_destination_whatever_its_status(shop, status):
    await shop.sandbox.switch(centra__bad_token_status=status)
    async with open_channel(
        "uk", make_settings(base_url=f"{shop.sandbox.url}/centra/graphql", token="expired"), now
    ) as channel:
        with pytest.raises(DestinationError):
            await channel.fetch_orders(["1"])


async def test_preflight_is_content_before_the_first_poll_and_after(shop):
    async with connected(shop, store=2) as channel:
        before = await channel.preflight()
        await channel.polls["events"]({}, now())
        assert (before, await channel.preflight()) == ((), ())


@pytest.mark.parametrize("status", [200, 403])
async def test_preflight_names_a_missing_permission_and_an_unknown_store(shop, status):
    await shop.sandbox.switch(centra__permission_status=status)
    await shop.people(
        "/tokens", integration="gateway", token="weak", permissions=["Order:read", "Store:read"]
    )
    settings = make_settings(base_url=f"{shop.sandbox.url}/centra/graphql", token="weak", store=99)
    async with open_channel("uk", settings, now) as channel:
        problems = "\n".join(await channel.preflight())
    assert "Store 99" in problems
    assert "Order.shippingAddress:read" in problems


def test_two_hundred_orders_stay_below_the_plans_complexity():
    schema = build_schema(SCHEMA.read_text())
    for document in ALL:
        parsed = parse(document.text)
        cost = weigh(schema, parsed, parsed.definitions[0], {"limit": 200}).complexity
        assert cost < (150_000 if document in (ORDERS, SHIPPED_ORDERS) else 2_000), document.name
