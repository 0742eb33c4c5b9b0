from app.connectors.sage200.catalogue import PAGE
from app.domain.channel import Article


async def walk(erp) -> list:
    pages, cursor = [], {}
    while cursor is not None:
        pages.append(await erp.catalogue(cursor))
        cursor = pages[-1].onward
    return pages


async def test_every_product_is_listed_with_whether_it_may_be_ordered(erp, sage):
    sage.tables["products"][0]["allow_sales_order"] = False
    (page,) = await walk(erp)
    articles = {one.code: one for one in page.items}
    assert articles["DRESS-S"].active is False
    assert articles["tee-m"] == Article("tee-m", "502")


async def test_a_page_begins_behind_the_last_product_even_if_that_is_gone(erp, sage):
    sage.tables["products"] = [{"id": number, "code": f"P-{number}"} for number in range(1, PAGE + 11)]
    first = await erp.catalogue({})
    sage.tables["products"] = sage.tables["products"][100:]
    second = await erp.catalogue(first.onward)
    assert [one.code for one in (*first.items, *second.items)] == [
        f"P-{number}" for number in range(1, PAGE + 11)
    ]
    assert second.onward is None
