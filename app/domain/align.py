"""Which articles of the channels would fail if somebody ordered them, and which products nobody offers (R-19). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.domain.channel import Article
from app.domain.erp import Facts, Product
from app.domain.identify import candidates
from app.domain.lanes import normalise
from app.domain.rules import Mappings


class Misfit(StrEnum):
    """`unknown`: the ERP has no such product · `ambiguous`: its barcode belongs to several · `inactive`: it may not be
    ordered · `unoffered`: a product of the ERP that no channel offers.
    """

    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    INACTIVE = "inactive"
    UNOFFERED = "unoffered"


def align(
    offered: Mapping[str, Iterable[Article]], products: Iterable[Article], mappings: Mappings
) -> tuple[dict[tuple[str, Article], Misfit], list[Article]]:
    """`offered`: connection -> what it sells. Answers (connection, article) -> why an order of it would park, and the
    active products that nobody offers. An article is found as the line of an order would be.
    """
    known = tuple(products)
    facts = _facts(known)
    failing: dict[tuple[str, Article], Misfit] = {}
    wanted: set[str] = set()
    for connection, articles in offered.items():
        for article in articles:
            found = candidates(connection, (article.code, article.barcode), facts, mappings)
            wanted |= {product.code for product in found}
            if article.active and (misfit := _misfit(found)):
                failing[connection, article] = misfit
    return failing, [one for one in known if one.active and one.code not in wanted]


def _misfit(found: tuple[Product, ...]) -> Misfit | None:
    if not found:
        return Misfit.UNKNOWN
    if len(found) > 1:
        return Misfit.AMBIGUOUS
    return None if found[0].active else Misfit.INACTIVE


def _facts(known: Iterable[Article]) -> Facts:
    products: dict[str, Product] = {}
    by_barcode: defaultdict[str, list[Product]] = defaultdict(list)
    for article in known:
        product = Product(article.code, article.barcode, article.active)
        products[normalise(article.code)] = product
        if article.barcode.strip():
            by_barcode[article.barcode.strip()].append(product)
    return Facts(products=products, by_barcode={code: tuple(found) for code, found in by_barcode.items()})
