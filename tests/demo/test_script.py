"""The day that the contract asks for, whatever the seed."""

from collections import Counter

import pytest

from app.demo.evening import COURIERS
from app.demo.script import EMOJI, LONG_NAME, RIGHT_TO_LEFT, write_day
from app.demo.steps import Amend, Close, Despatch, Kill, Map, Open, Place, Sell, Ship, Stand, Tunnel
from app.sandbox.catalogue import generate

CATALOGUE = generate({"skus": 520})


def day(size=200, seed=7, *, kills=False, calm=True):
    return write_day(size, seed, CATALOGUE, kills=kills, calm=calm)


def placed(written):
    return [step for step in written.steps if isinstance(step, Place)]


def amended(written, act):
    return {step.name for step in written.steps if isinstance(step, Amend) and step.act == act}


@pytest.mark.parametrize("seed", [1, 7, 42])
@pytest.mark.parametrize("size", [25, 200, 1000])
def test_day_has_the_shares_that_were_promised(size, seed):
    written = day(size, seed)
    orders = placed(written)
    several = sum(len(order.wish["lines"]) > 1 for order in orders)
    sold = [step for step in written.steps if isinstance(step, Sell)]
    assert len(orders) + len(sold) == written.orders == size
    assert len(sold) >= 0.10 * size
    assert several >= 0.45 * size
    assert len(amended(written, "edit")) >= 0.10 * size
    assert len(amended(written, "cancel")) >= 0.05 * size
    assert len(amended(written, "release")) >= 0.05 * size


def test_day_is_the_same_for_the_same_seed():
    assert day().steps == day().steps
    assert day().steps != day(seed=8).steps


def test_orders_are_edited_and_cancelled_while_sage_is_closed_and_after_it_has_them():
    steps = day().steps
    shut, opened = steps.index(Tunnel(up=False)), steps.index(Tunnel(up=True))
    at_lunch = {step.name for step in steps[shut:opened] if isinstance(step, Place)}
    stand = {step.name: place for place, step in enumerate(steps) if isinstance(step, Stand)}
    changed = [
        (place, step) for place, step in enumerate(steps) if isinstance(step, Amend) and step.act != "release"
    ]
    early = [step.name for place, step in changed if shut < place < opened]
    late = [step.name for place, step in changed if place > stand.get(step.name, place)]
    assert set(early) <= at_lunch
    assert len(early) + len(late) == len(changed)
    acts = Counter(step.act for _, step in changed if step.name in late)
    assert acts["cancel"] == 1
    assert acts["edit"] == 4


def test_an_order_is_edited_or_cancelled_once():
    written = day()
    names = Counter(step.name for step in written.steps if isinstance(step, Amend))
    assert max(names.values()) == 1


def test_every_held_order_is_released():
    written = day()
    held = {order.name for order in placed(written) if "hold" in order.wish}
    assert held == amended(written, "release")


def test_each_mapping_table_lacks_something_that_the_script_maps():
    tables = {step.table for step in day().steps if isinstance(step, Map)}
    assert tables == {
        "sku_aliases",
        "charges",
        "posting_rules",
        "customers",
        "warehouses",
        "required_fields",
        "tax_codes",
        "carriers",
    }


def test_goods_of_both_channels_leave_with_every_courier():
    steps = day().steps
    sent = [step for step in steps if isinstance(step, Despatch)]
    sold = {step.name for step in steps if isinstance(step, Sell)}
    assert {step.note["courier"] for step in sent} == set(COURIERS)
    assert 0 < sum(step.name in sold for step in sent) < len(sent)
    assert len({step.note["consignment_no"] for step in sent}) == len(sent)


@pytest.mark.parametrize("size", [25, 200])
def test_goods_leave_from_both_ends_and_one_order_is_open_at_a_desk(size):
    steps = day(size).steps
    stores = {step.name: step.wish["store"] for step in steps if isinstance(step, Place)}
    shipped = [step.name for step in steps if isinstance(step, Ship)]
    sent = [step.name for step in steps if isinstance(step, Despatch)]
    assert len(shipped) > 1
    assert {stores[name] for name in shipped} == {2}
    assert {stores.get(name, 1) for name in sent} == {1}
    opened = next(place for place, step in enumerate(steps) if isinstance(step, Open))
    closed = next(place for place, step in enumerate(steps) if isinstance(step, Close))
    assert any(isinstance(step, Ship) and step.name == steps[opened].name for step in steps[opened:closed])


def test_day_has_its_odd_orders():
    orders = placed(day())
    names = {(o.wish["address"]["firstName"], o.wish["address"]["lastName"]) for o in orders}
    vouchers = [voucher for o in orders for voucher in o.wish.get("vouchers", [])]
    assert {LONG_NAME, EMOJI, RIGHT_TO_LEFT} <= names
    assert len(" ".join(LONG_NAME)) > 60
    assert sum(voucher.get("percent") == 100 for voucher in vouchers) == 1
    assert any("bundle" in line for o in orders for line in o.wish["lines"])
    assert {o.wish["store"] for o in orders} == {1, 2}


def test_skus_follow_zipf_over_the_whole_catalogue():
    skus = Counter(
        line["sku"] for order in placed(day(size=3000)) for line in order.wish["lines"] if "sku" in line
    )
    (_, most), (_, second), *_ = skus.most_common()
    assert most > 1.4 * second
    assert len(skus) > 490


def test_a_brutal_day_kills_two_workers_and_the_api():
    kills = Counter(step.process for step in day(kills=True).steps if isinstance(step, Kill))
    assert kills == {"worker-1": 1, "worker-2": 1, "api": 1}
    assert not any(isinstance(step, Kill) for step in day().steps)
