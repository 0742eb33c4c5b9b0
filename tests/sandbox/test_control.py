from pathlib import Path

import pytest

from tests.sandbox.conftest import Running, running_sandbox


async def test_health_answers(sandbox: Running):
    assert (await sandbox.client.get("/_sandbox/health")).json()["ok"] is True


async def test_clock_can_be_set_and_moved(sandbox: Running):
    await sandbox.client.post("/_sandbox/clock", json={"at": "2030-01-01T00:00:00+00:00"})
    moved = await sandbox.client.post("/_sandbox/clock", json={"advance_seconds": 3600})
    assert moved.json()["at"].startswith("2030-01-01T01:00:0")


async def test_clock_without_a_zone_is_refused(sandbox: Running):
    assert (
        await sandbox.client.post("/_sandbox/clock", json={"at": "2030-01-01T00:00:00"})
    ).status_code == 400


async def test_unknown_switch_changes_nothing(sandbox: Running):
    wish = {"sage200.tax_level": "document", "sage200.nonsense": 1}
    assert (await sandbox.client.post("/_sandbox/switches", json=wish)).status_code == 400
    assert (await sandbox.client.get("/_sandbox/switches")).json()["sage200.tax_level"] == "line"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sage200.tax_level", "documnet"),
        ("sage200.discounted_price_places", "5"),
        ("sage200.discounted_price_places", 3),
        ("sage200.amend_nominal_codes", "false"),
        ("sage200.api_lock_seconds", -1),
        ("sage200.api_lock_seconds", True),
        ("sage200.latency_seconds", [1]),
        ("sage200.forbidden", "sop_orders"),
        ("sage200.locked_status", 200),
        ("centra.zone", "Europe/Stockhom"),
        ("centra.plan", "free"),
        ("centra.retry_after", None),
        ("server_timeout_seconds", "3"),
    ],
)
async def test_value_that_would_mean_nothing_changes_nothing(sandbox: Running, name: str, value: object):
    before = (await sandbox.client.get("/_sandbox/switches")).json()
    wish = {"sage200.tunnel": "down", name: value}
    assert (await sandbox.client.post("/_sandbox/switches", json=wish)).status_code == 400
    assert (await sandbox.client.get("/_sandbox/switches")).json() == before


async def test_switches_can_be_put_back(sandbox: Running):
    await sandbox.switch(sage200__tax_level="document")
    assert (await sandbox.client.delete("/_sandbox/switches")).json()["sage200.tax_level"] == "line"


async def test_restarted_sandbox_remembers_everything(tmp_path: Path):
    async with running_sandbox(tmp_path) as first:
        seeded = (await first.client.post("/_sandbox/seed", json={"catalogue": {"skus": 5}})).json()
        await first.switch(sage200__tax_level="document")
        await first.faults({"kind": "status_504", "path": "nowhere"})
        await first.client.post("/_sandbox/clock", json={"at": "2030-01-01T00:00:00+00:00"})
        rows = await first.history()
    async with running_sandbox(tmp_path) as second:
        assert await second.history() == rows
        again = (await second.client.post("/_sandbox/seed", json={"catalogue": {"skus": 5}})).json()
        assert again["sage200"] == seeded["sage200"]
        assert (await second.client.get("/_sandbox/switches")).json()["sage200.tax_level"] == "document"
        assert (await second.client.get("/_sandbox/faults")).json()["rules"][0]["path"] == "nowhere"
        assert (await second.client.get("/_sandbox/clock")).json()["at"].startswith("2030-01-01T00:0")


async def test_seed_makes_the_same_catalogue_from_the_same_seed(sandbox: Running):
    articles = (await sandbox.client.post("/_sandbox/seed", json={})).json()["catalogue"]
    assert len(articles) == 520
    assert {article["vat"] for article in articles} == {"standard", "zero"}
    assert (
        len({article["sku"] for article in articles}) == len({article["ean"] for article in articles}) == 520
    )


async def test_refused_and_unknown_calls_are_in_history(sandbox: Running):
    await sandbox.client.get("/sage200/nowhere")
    await sandbox.client.get("/sage200/uk/sage200extra/accounts/v1/products")
    assert [row["status"] for row in await sandbox.history()] == [404, 401]
