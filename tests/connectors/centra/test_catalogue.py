import pytest

from app.connectors.centra.catalogue import read_catalogue
from app.domain.channel import Article
from app.domain.errors import PermanentError, TransientError


def size(number: int) -> dict:
    return {"SKU": f"SKU-{number}", "EAN": None}


async def test_the_shop_is_read_page_by_page_until_a_short_one(make_source, centra):
    centra.data(productSizes=[size(number) for number in range(200)]).data(productSizes=[size(200)])
    first = await read_catalogue({}, source=make_source())
    second = await read_catalogue(first.onward, source=make_source())
    assert [asked["variables"] for asked in centra.asked] == [
        {"limit": 200, "page": 1},
        {"limit": 200, "page": 2},
    ]
    assert (len(first.items), second.items, second.onward) == (200, (Article("SKU-200", ""),), None)


async def test_a_size_without_a_code_is_known_by_its_barcode(make_source, centra):
    centra.data(productSizes=[{"SKU": None, "EAN": "5012345678900"}])
    assert (await read_catalogue({}, source=make_source())).items == (Article("", "5012345678900"),)


async def test_what_is_no_list_of_sizes_is_asked_for_again(make_source, centra):
    centra.data(productSizes=None)
    with pytest.raises(TransientError):
        await read_catalogue({}, source=make_source())


async def test_a_token_that_may_not_read_sizes_parks_and_rests_nobody(make_source, centra):
    message = "You need ProductSize:read permission."
    centra.reply({"errors": [{"message": message, "extensions": {"category": "authorization"}}]})
    with pytest.raises(PermanentError) as told:
        await read_catalogue({}, source=make_source())
    assert told.value.code == "E-CENTRA-PERMISSION"
