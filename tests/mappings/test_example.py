"""The mappings that come with the product fit the sandbox's company."""

from decimal import Decimal
from pathlib import Path

from app.domain.erp import Customer, Facts, TaxCode
from app.domain.rules import index
from app.mappings.files import parse_toml
from app.mappings.lint import lint
from app.sandbox.sage200.seed_codes import TAX_CODES
from app.sandbox.sage200.seeding import DEFAULTS

EXAMPLE = Path(__file__).parents[2] / "examples" / "mappings" / "sandbox.toml"


def seeded_facts() -> Facts:
    return Facts(
        customers={
            row["reference"]: Customer(row["reference"], row["currency"], on_hold=False)
            for row in DEFAULTS["customers"]
        },
        tax_codes={str(code): TaxCode(str(code), Decimal(rate)) for code, _, rate in TAX_CODES},
        warehouses=frozenset(DEFAULTS["warehouses"]),
        charges=frozenset(row["code"] for row in DEFAULTS["charges"]),
        nominals=frozenset(tuple(row) for row in DEFAULTS["nominals"]),
        required_analysis=frozenset({1}),
    )


def test_example_has_nothing_that_the_sandbox_company_lacks():
    tables = parse_toml(EXAMPLE.read_text(encoding="utf-8"))
    mappings = index(row for rows in tables.values() for row in rows)
    assert lint(mappings, seeded_facts()) == []
