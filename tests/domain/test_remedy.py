"""One remedy for each class of exception, and rows that are filled in as far as they are known."""

import re
from pathlib import Path

import pytest

from app.domain.message import MessageClass
from app.domain.remedy import Act, Ending, Place, ending_of, prefill, remedy
from app.domain.rows import TABLES
from tests.domain.shop import line, make_order

APP = Path(__file__).parents[2] / "app"


def test_a_flag_is_only_acknowledged():
    found = remedy("E-TOTAL-MISMATCH", None, [Ending.ACKNOWLEDGED, Ending.ACKNOWLEDGED])
    assert (found.place, found.acts) == (Place.NOWHERE, (Act.ACCEPT,))


@pytest.mark.parametrize(
    ("code", "need", "place", "acts"),
    [
        ("E-SKU-UNKNOWN", "sku_aliases", Place.MAPPING, (Act.MAP, Act.RETRY, Act.ACCEPT)),
        ("E-SKU-UNKNOWN", None, Place.CHANNEL, (Act.RETRY, Act.ACCEPT)),
        ("E-CUST-ONHOLD", None, Place.ERP, (Act.RETRY, Act.ACCEPT)),
        ("E-ADDRESS-LENGTH", None, Place.CHANNEL, (Act.RETRY, Act.ACCEPT)),
        ("E-RETRIES-EXHAUSTED", None, Place.SLUICE, (Act.RETRY, Act.ACCEPT)),
        ("E-NEW", "no_such_table", Place.SLUICE, (Act.RETRY, Act.ACCEPT)),
    ],
)
def test_a_class_has_its_place_and_acts(code, need, place, acts):
    found = remedy(code, need, [Ending.BY_HAND])
    assert (found.place, found.acts) == (place, acts)


def test_several_kinds_of_ending_are_not_one_word():
    assert Act.ACCEPT not in remedy("E-X", None, [Ending.LEFT, Ending.BY_HAND]).acts
    assert Act.ACCEPT not in remedy("E-X", None, [Ending.NEVER]).acts
    assert Act.ACCEPT not in remedy("E-X", None, [Ending.BY_HAND] * 2).acts
    assert Act.ACCEPT in remedy("E-X", None, [Ending.LEFT] * 2).acts


@pytest.mark.parametrize(
    ("kind", "cls", "flag", "ending"),
    [
        ("sage200.sales_order.place", MessageClass.EFFECT, True, Ending.ACKNOWLEDGED),
        ("sage200.sales_order.place", MessageClass.EFFECT, False, Ending.BY_HAND),
        ("sage200.sales_order.change", MessageClass.EFFECT, False, Ending.LEFT),
        ("sage200.sales_order.cancel", MessageClass.EFFECT, False, Ending.LEFT),
        ("centra.order", MessageClass.NOTICE, False, Ending.DISMISSED),
        ("centra.poll", MessageClass.STATE, False, Ending.NEVER),
        ("sage200.credit.place", MessageClass.EFFECT, False, Ending.NEVER),
        (None, None, False, Ending.NEVER),
    ],
)
def test_accepting_means_what_is_safe(kind, cls, flag, ending):
    assert ending_of(kind, cls, flag=flag) is ending


ORDER = make_order(line("GHOST", "24.00"), gross="24.00", tax="4.00", ref="1")


@pytest.mark.parametrize(
    ("table", "field", "value", "known"),
    [
        ("sku_aliases", "lines[1].sku", "GHOST", {"connection": "uk", "alias": "GHOST", "code": ""}),
        (
            "customers",
            "currency",
            "uk, store 1, USD",
            {"connection": "uk", "currency": ORDER.currency, "reference": ""},
        ),
        (
            "tax_codes",
            "tax_rate",
            "5.5 % from GB to FR, consumer, 2026-03-02",
            {
                "ship_from": "GB",
                "ship_to": "FR",
                "buyer": "consumer",
                "rate": "5.5",
                "code": "",
                "gift": "false",
            },
        ),
        ("tax_codes", "tax_code", "code 9 does not exist in the ERP", {"ship_from": "", "buyer": "any"}),
        (
            "posting_rules",
            "nominal",
            "product GHOST",
            {"connection": "uk", "kind": "product", "sku": "GHOST", "nominal": ""},
        ),
        ("posting_rules", "nominal", "shipping", {"kind": "shipping", "sku": "*"}),
        ("posting_rules", "nominal", "41100/WEB/", {"kind": "*"}),
        ("charges", "charge", "handling", {"connection": "uk", "kind": "handling"}),
        ("required_fields", "analysis_3", "", {"target": "analysis_3", "store": ORDER.store}),
        ("warehouses", "warehouse", "uk", {"connection": "uk", "warehouse": "", "ships_from": ""}),
    ],
)
def test_a_row_is_filled_in_with_what_is_known(table, field, value, known):
    row = prefill(table, field, value, "uk", ORDER)
    assert (list(row), {name: row[name] for name in known}) == (list(TABLES[table].model_fields), known)


def test_every_table_has_a_row_without_an_order():
    assert all(prefill(table, "", "", "uk", None) for table in TABLES)


def test_every_table_that_a_violation_needs_exists():
    needs = {
        found
        for path in (APP / "domain").glob("*.py")
        for found in re.findall(r'need="([a-z_]+)"', path.read_text())
    }
    assert needs
    assert needs <= TABLES.keys()
