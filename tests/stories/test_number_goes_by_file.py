"""A retailer whose acknowledgements go by SFTP: a file with Sage's number, once for each order."""

import json
from pathlib import Path

import pytest

from tests.sandbox.virtualstock.conftest import RETAILERS
from tests.stories.test_retailers_order_is_acknowledged import acknowledged, books, key_of
from tests.stories.town import EDGE, parked, retry, until

COLUMNS = (
    '"line_ref","part_number","quantity","comments","sub_status",'
    '"supplier_dispatch_date","supplier_delivery_date","fulfillment_route"'
)


@pytest.fixture
async def filing_town(build_town, tmp_path):
    folder = tmp_path / "outgoing"
    folder.mkdir()
    argos = {**RETAILERS["ARG"], "supplier_reference": "sftp_ack"}
    settings = {
        "VIRTUALSTOCK__edge__RETAILERS": json.dumps({**RETAILERS, "ARG": argos}),
        "VIRTUALSTOCK__edge__OUTGOING_DIR": str(folder),
    }
    async with build_town(edge=True, POLL_SECONDS="0.2", **settings) as town:
        yield town, folder


def ready(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.ack")) if path.with_name(f"{path.name}.DONE").exists()]


async def written(town, folder: Path, files: int = 1) -> list[Path]:
    async def there() -> bool:
        filed = await town.pool.fetchval("SELECT count(*) FROM reference_taken WHERE filed_at IS NOT NULL")
        return len(ready(folder)) == files == filed

    await until(there)
    return ready(folder)


async def collect(town) -> list[str]:
    """The merchant's SFTP job runs."""
    return list((await town.people(f"virtualstock/collect/{EDGE['username']}"))["files"].values())


@pytest.mark.requirement("R-36")
async def test_the_file_tells_sages_number_and_is_written_once(filing_town):
    town, folder = filing_town
    order = await town.order_at("ARG", *town.skus[:2])
    (file,) = await written(town, folder)
    (document,) = (await books(town))[key_of("ARG", order)]
    lines = order["lines"]
    assert file.read_text().splitlines() == [
        '"order_number","supplier_ref","test_flag"',
        f'"{order["order_reference"]}","{document["document_no"]}","N"',
        COLUMNS,
        f'"1","{lines[0]["part_number"]}","1","","","","",""',
        f'"2","{lines[1]["part_number"]}","1","","","","",""',
        '"5"',
    ]
    assert document["document_no"].startswith("0")
    assert await town.calls("POST", "/acknowledge/") == []
    assert {line["status"] for line in (await town.at_edge(order))["lines"]} == {"ORDER"}
    assert await collect(town) == ["taken"]
    await acknowledged(town, order)
    await town.heard()
    assert (await town.at_edge(order))["supplier_ref"] == document["document_no"]
    assert list(folder.iterdir()) == []
    assert await town.cases() == []


@pytest.mark.requirement("R-37")
async def test_a_number_that_virtualstock_has_already_parks_and_a_retry_files_it_anew(filing_town):
    town, folder = filing_town
    await town.sandbox.switch(virtualstock__unique_supplier_reference=True)
    order = await town.order_at("ARG")
    (file,) = await written(town, folder)
    number = (await books(town))[key_of("ARG", order)][0]["document_no"]
    other = await town.order_at("JLW", town.skus[1], status="ORDER", test_flag=True)
    line = other["lines"][0]
    item = {
        "part_number": line["part_number"],
        "line_ref": line["line_reference"],
        "quantity": 1,
        "comment": number,
        "fulfillment_route": "Direct to customer",
        "supplier_delivery_date": "2026-12-01T12:00:00",
    }
    held = f"virtualstock/orders/{other['id']}/act"
    await town.people(held, action="acknowledge", items=[item])
    assert "already in use" in (await collect(town))[0]
    case = await parked(town, "E-REF-NOTUNIQUE")
    assert (folder / f"{file.name}.failed").exists()
    await town.sandbox.switch(virtualstock__unique_supplier_reference=False)
    await retry(town, case)
    await written(town, folder)
    assert await collect(town) == ["taken"]
    await acknowledged(town, order)


@pytest.mark.requirement("R-37")
async def test_a_number_that_virtualstock_refuses_in_a_comment_parks_under_the_same_code(edge_town):
    town = edge_town
    await town.sandbox.switch(virtualstock__unique_supplier_reference=True)
    await town.people("sage200/tunnel", up=False)
    order = await town.order_at("ARG")
    trial = await town.order_at("ARG", test_flag=True)
    line = trial["lines"][0]
    item = {"part_number": line["part_number"], "line_ref": line["line_reference"], "quantity": 1}
    first = "0000000001"  # what Sage will give; somebody told it by hand already
    told = {"action": "acknowledge", "items": [{**item, "comment": first}]}
    await town.people(f"virtualstock/orders/{trial['id']}/act", **told)
    await town.people("sage200/tunnel", up=True)
    await parked(town, "E-REF-NOTUNIQUE")
    assert (await town.at_edge(order))["lines"][0]["status"] == "ORDER"
