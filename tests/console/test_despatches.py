"""The pages of despatches and of stock."""

from tests.console.conftest import keep
from tests.ledger.test_despatches import WRONG, put, ship, shipped
from tests.ledger.test_ledger import bound, remember
from tests.ledger.test_outstanding import note, seen


async def backlog(pool):
    await remember(pool, bound("SO7"), seen(note("D1", TEE="2")))
    await put(pool, ship("D1", park=WRONG))


async def test_despatches_tell_where_why_and_since_when(shop, ann):
    await backlog(shop.pool)
    text = (await ann.get("/despatches")).text
    assert "shipped in Sage200, not yet in Centra" in text
    assert "Shipped in the ERP, not yet in the channel: <strong>1</strong>" in text
    assert "waits for a person" in text
    assert '<a href="/console/exceptions/1">E-QTY</a>' in text


async def test_despatches_have_pages_and_a_sheet(shop, ann):
    await shipped(shop.pool, *(f"S{place:02}" for place in range(60)))
    first = await ann.get("/despatches")
    after = first.text.partition("/despatches?after=")[2].partition('"')[0]
    second = await ann.get(f"/despatches?after={after}")
    assert ("S49" in first.text, "S50" in first.text) == (True, False)
    assert ("S49" in second.text, "S50" in second.text) == (False, True)
    sheet = await ann.get("/despatches.csv")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert len(sheet.text.splitlines()) == 61


async def test_an_address_that_says_no_place_is_refused(ann):
    for after in ("x", "x\na\nb\nc\nd", "2026-01-01T00:00:00\na\nb\nc\nd"):
        assert (await ann.get("/despatches", params={"after": after})).status_code == 400


async def test_a_stranger_gets_no_sheet(stranger):
    assert (await stranger.get("/despatches.csv")).status_code == 303


async def test_an_order_shows_its_despatches_and_leads_to_its_stock(shop, ann):
    await keep(shop.pool, "1")
    await backlog(shop.pool)
    text = (await ann.get("/orders?reference=1")).text
    assert "shipped in Sage200, not yet in Centra" in text
    assert 'href="/console/stock?sku=A-1"' in text


async def test_stock_tells_its_terms(shop, ann):
    await backlog(shop.pool)
    text = (await ann.get("/stock?sku=tee")).text
    assert "TEE: units by connection" in text
    assert (
        '<th scope="row">uk</th><td class="number">0</td><td class="number">0</td><td class="number">2</td>'
        in text
    )
    assert "Nothing: the ERP" in (await ann.get("/stock?sku=ghost")).text
    assert (await ann.get("/stock")).status_code == 200
