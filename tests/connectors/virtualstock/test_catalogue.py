from typing import Any

import pytest

from app.domain.channel import Article
from app.domain.errors import TransientError
from tests.connectors.virtualstock.conftest import opened
from tests.connectors.virtualstock.wire import page


def product(part: str = "61203344", **data: Any) -> dict[str, Any]:
    return {"url": "https://other.test/api/v4/products/7/?format=json", "part_number": part, "data": data}


async def read(vendor, clock, *products, cursor=None, count=None):
    vendor.reply(page(*products, count=count))
    async with opened(vendor, clock) as channel:
        return await channel.catalogue(cursor or {})


async def test_a_page_leads_to_the_next_until_all_were_given(vendor, clock):
    first = await read(vendor, clock, product("1"), product("2"), count=3)
    last = await read(vendor, clock, product("3"), cursor=first.onward, count=3)
    assert [request.url.params["offset"] for request in vendor.asked] == ["0", "2"]
    assert {request.url.path for request in vendor.asked} == {"/api/v4/products/"}
    assert (first.onward, last.onward) == ({"offset": 2}, None)


@pytest.mark.parametrize(
    ("data", "article"),
    [
        ({"supplier_part_number": "NG-1", "barcode": "501"}, Article("NG-1", "501")),
        ({"supplier_part_no": " NG-1 "}, Article("NG-1")),
        ({"supplier_part_number": "", "barcode": 501}, Article("61203344", "501")),
        ({"supplier_part_number": None, "discontinued": ""}, Article("61203344")),
        ({"supplier_part_number": "NG-1", "discontinued": "Yes"}, Article("NG-1", active=False)),
        ({"supplier_part_number": "NG-1", "discontinued": "False"}, Article("NG-1")),
    ],
)
async def test_each_retailer_names_its_fields_as_it_likes(vendor, clock, data, article):
    assert (await read(vendor, clock, product(**data))).items == (article,)


async def test_an_empty_page_ends_the_walk_whatever_it_counts(vendor, clock):
    assert (await read(vendor, clock, count=9)).onward is None


async def test_what_is_no_page_is_asked_for_again(vendor, clock):
    with pytest.raises(TransientError):
        await read(vendor, clock, {"data": "none"})
