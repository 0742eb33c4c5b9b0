"""An article fits when an order of it would be identified; nothing else counts."""

import pytest

from app.domain.align import Misfit, align
from app.domain.channel import Article
from app.domain.rows import AliasRow
from app.domain.rules import Mappings, index

PRODUCTS = (
    Article("TEE", "501"),
    Article("DRESS", "502"),
    Article("COAT", "502"),
    Article("OLD", "503", active=False),
)


def misfit(article: Article, mappings: Mappings | None = None, connection: str = "uk") -> Misfit | None:
    failing, _ = align({connection: [article]}, PRODUCTS, mappings or Mappings())
    return failing.get((connection, article))


@pytest.mark.parametrize(
    ("article", "why"),
    [
        (Article("tee "), None),
        (Article("THEIRS", "501"), None),
        (Article("501"), None),
        (Article("", "501"), None),
        (Article("GHOST"), Misfit.UNKNOWN),
        (Article("", ""), Misfit.UNKNOWN),
        (Article("THEIRS", "502"), Misfit.AMBIGUOUS),
        (Article("old"), Misfit.INACTIVE),
        (Article("GHOST", active=False), None),
    ],
)
def test_an_article_fits_as_a_line_would(article, why) -> None:
    assert misfit(article) is why


def test_an_alias_counts_for_its_connection_and_hides_the_barcode() -> None:
    known = index([AliasRow(connection="uk", alias="theirs", code="TEE")])
    assert misfit(Article("THEIRS"), known) is None
    assert misfit(Article("THEIRS"), known, "us") is Misfit.UNKNOWN
    wrong = index([AliasRow(connection="uk", alias="theirs", code="NOWHERE")])
    assert misfit(Article("THEIRS", "501"), wrong) is Misfit.UNKNOWN


def test_products_that_no_channel_offers_are_told_once_and_never_inactive_ones() -> None:
    offered = {"uk": [Article("TEE")], "edge": [Article("THEIRS", "502"), Article("tee")]}
    assert align(offered, PRODUCTS, Mappings())[1] == []
    assert align({"uk": []}, PRODUCTS, Mappings())[1] == list(PRODUCTS[:3])
