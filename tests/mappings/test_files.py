from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from app.domain.rows import TABLES, AliasRow, CustomerRow, PostingRow, TaxRow
from app.mappings.files import parse_csv, parse_toml, write_csv, write_toml
from app.mappings.refusal import RefusedError

EXAMPLE = Path(__file__).parents[2] / "examples" / "mappings" / "sandbox.toml"
TAX = TaxRow(
    ship_from="GB",
    ship_to="DE",
    buyer="consumer",
    rate=Decimal("19.00"),
    code="2",
    destination_vat=True,
    most=Decimal(150),
    most_currency="EUR",
    valid_from=date(2026, 7, 1),
    note='IOSS, "net", naïve \\ 日本',
)
ROWS = {
    "tax_codes": (TAX,),
    "sku_aliases": (AliasRow(alias="old, tee", code="TEE"),),
    "posting_rules": (
        PostingRow(rule="dear", position=1, value_from=Decimal("100.00"), nominal="4000", sku="TEE*"),
    ),
}


def refused(call, *args) -> list[tuple[int, str]]:
    with pytest.raises(RefusedError) as caught:
        call(*args)
    return [(problem.row, problem.field) for problem in caught.value.problems]


def test_toml_reads_back_as_it_was_written():
    assert parse_toml(write_toml(ROWS)) == ROWS


@pytest.mark.parametrize("table", ROWS)
def test_csv_reads_back_as_it_was_written(table):
    assert parse_csv(table, write_csv(table, ROWS[table])) == ROWS[table]


def test_every_table_of_the_example_survives_both_formats():
    tables = parse_toml(EXAMPLE.read_text(encoding="utf-8"))
    assert parse_toml(write_toml(tables)) == tables
    assert {table: parse_csv(table, write_csv(table, rows)) for table, rows in tables.items()} == tables


def test_bad_csv_is_refused_whole_with_every_fault_and_its_line():
    text = (
        "connection,store,currency,account,reference\n"
        "uk,*,GBP,,WEBGBP\n"
        "uk,*,pounds,,WEBGBP\n"
        "\n"
        "UK!,*,EUR,,FARTOOLONGFORSAGE\n"
        "uk,*,GBP,,OTHER\n"
    )
    assert refused(parse_csv, "customers", text) == [
        (3, "currency"),
        (5, "connection"),
        (5, "reference"),
        (6, ""),
    ]


def test_csv_with_an_unknown_column_names_it():
    assert (1, "nominl") in refused(parse_csv, "sku_aliases", "connection,alias,code,nominl\nuk,a,b,\n")


def test_csv_with_more_cells_than_names_is_refused():
    assert refused(parse_csv, "sku_aliases", "alias,code\na,b,c\n") == [(2, "")]


def test_csv_with_a_column_named_twice_is_refused():
    assert refused(parse_csv, "sku_aliases", "alias,code,code\na,b,c\n") == [(1, "code")]


def test_csv_may_begin_with_a_byte_order_mark():
    assert parse_csv("sku_aliases", "\ufeffalias,code\na,b\n") == (AliasRow(alias="a", code="b"),)


def test_broken_quotes_in_csv_are_refused():
    assert refused(parse_csv, "sku_aliases", 'alias,code\n"a"x,b\n') == [(2, "")]


def test_unknown_table_is_refused():
    assert refused(parse_csv, "banks", "a\n1\n")[0] == (1, "a")
    assert refused(parse_toml, "[[banks]]\ncode = 1\n") == [(0, "")]


def test_toml_that_is_none_is_refused():
    assert refused(parse_toml, "customers = [") == [(0, "")]
    assert refused(parse_toml, "customers = 1\n") == [(0, "")]


def test_toml_faults_of_all_tables_are_told_at_once():
    text = '[[customers]]\nconnection = "uk"\n[[charges]]\nconnection = "uk"\nkind = "shipping"\n'
    assert refused(parse_toml, text) == [(1, "currency"), (1, "reference"), (1, "")]


def test_toml_numbers_keep_their_places():
    text = '[[tax_codes]]\nship_from = "GB"\nship_to = "UK"\nrate = 17.50\ncode = "1"\n'
    (row,) = parse_toml(text)["tax_codes"]
    assert row.rate == Decimal("17.50")


def test_overlapping_dates_of_one_tax_rule_are_refused():
    rows = [
        TAX.model_copy(update={"valid_from": None, "valid_to": date(2026, 12, 31)}),
        TAX.model_copy(update={"valid_from": date(2026, 12, 31)}),
    ]
    assert refused(parse_csv, "tax_codes", write_csv("tax_codes", rows)) == [(3, "valid_from")]


def test_tax_rules_of_following_days_stand_together():
    rows = (
        TAX.model_copy(update={"valid_from": None, "valid_to": date(2026, 12, 30)}),
        TAX.model_copy(update={"valid_from": date(2026, 12, 31)}),
    )
    assert parse_csv("tax_codes", write_csv("tax_codes", rows)) == rows


def test_two_posting_rules_at_one_position_are_refused():
    text = "rule,position,nominal\na,1,4000\nb,1,4000\n"
    assert refused(parse_csv, "posting_rules", text) == [(3, "position")]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("tax_codes", {"ship_from": "GB", "ship_to": "*", "rate": "20", "code": "1"}),
        ("tax_codes", {"ship_from": "GB", "ship_to": "UK", "rate": "20", "code": "T1"}),
        ("tax_codes", {"ship_from": "GB", "ship_to": "UK", "rate": "120", "code": "1"}),
        ("tax_codes", {"ship_from": "GB", "ship_to": "UK", "rate": "20", "code": "1", "most": "1"}),
        (
            "tax_codes",
            {
                "ship_from": "GB",
                "ship_to": "UK",
                "rate": "20",
                "code": "1",
                "valid_from": "2026-02-01",
                "valid_to": "2026-01-01",
            },
        ),
        ("charges", {"connection": "uk", "kind": "shipping", "code": "CARRIAGE", "tax_code": "1"}),
        ("charges", {"connection": "uk", "kind": "rounding", "description": "Rounding"}),
        ("required_fields", {"target": "analysis_21", "constant": "x"}),
        ("required_fields", {"target": "analysis_1"}),
        ("required_fields", {"target": "analysis_1", "source": "email"}),
        ("required_fields", {"target": "analysis_1", "constant": "x", "source": "store"}),
        ("posting_rules", {"rule": "a", "position": 1, "nominal": "123456789"}),
        ("posting_rules", {"rule": "a", "position": 1, "nominal": ""}),
        ("posting_rules", {"rule": "a|b", "position": 1, "nominal": "4000"}),
        ("customers", {"connection": "uk", "currency": "GBP", "reference": ""}),
    ],
)
def test_unsound_row_is_refused(table, row):
    with pytest.raises(ValueError, match="validation error"):
        TABLES[table].model_validate(row)


def test_customer_row_is_known_by_connection_store_currency_and_account():
    row = CustomerRow(connection="uk", store="2", currency="EUR", account="17", reference="LIBERT01")
    assert row.key == "uk|2|EUR|17"
