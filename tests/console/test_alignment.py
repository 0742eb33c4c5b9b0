from app.domain.align import Misfit
from app.domain.channel import Article
from app.ledger.alignment import Aligned, ArticlesSeen
from tests.ledger.test_ledger import FIRST, remember


async def compared(pool, count=1):
    ghosts = [Article(f"GHOST-{place:03}") for place in range(count)]
    await remember(
        pool,
        ArticlesSeen("centra:uk", FIRST, tuple(ghosts), first=True, ended=True),
        Aligned({("centra:uk", one): Misfit.UNKNOWN for one in ghosts}),
    )


async def test_the_front_page_counts_what_would_fail(shop, ann):
    assert "SKUs that will fail if ordered: not compared yet" in (await ann.get("/")).text
    await compared(shop.pool, 3)
    assert 'SKUs that will fail if ordered: <a href="/console/alignment">3</a>' in (await ann.get("/")).text


async def test_the_page_lists_them_with_the_reason(shop, ann):
    assert "None was walked yet" in (await ann.get("/alignment")).text
    await compared(shop.pool)
    text = (await ann.get("/alignment")).text
    assert ("GHOST-000" in text, "the ERP has no such product" in text) == (True, True)
    assert "GHOST-000" not in (await ann.get("/alignment?unoffered=yes")).text


async def test_it_has_pages(shop, ann):
    await compared(shop.pool, 60)
    first = (await ann.get("/alignment")).text
    after = first.partition("/alignment?after=")[2].partition('"')[0].replace("&amp;", "&")
    second = (await ann.get(f"/alignment?after={after}")).text
    assert ("GHOST-049" in first, "GHOST-050" in first) == (True, False)
    assert ("GHOST-049" in second, "GHOST-050" in second) == (False, True)
    assert (await ann.get("/alignment?after=nonsense")).status_code == 400
