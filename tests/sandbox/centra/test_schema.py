import re
from pathlib import Path

import pytest
from graphql import parse, validate

from app.sandbox.centra.schema import load_schema

VENDOR = Path(__file__).parents[4] / "shared" / "vendors" / "centra.md"
COVERED = ("orders", "events", "confirmEvents", "setStock", "createShipment", "completeShipment")


@pytest.mark.skipif(not VENDOR.exists(), reason="the shared documents are not beside this checkout")
def test_every_documented_document_of_ours_is_valid():
    blocks = re.findall(r"```graphql\n(.*?)```", VENDOR.read_text(), re.DOTALL)
    ours = [block for block in blocks if re.search(r"\b(" + "|".join(COVERED) + r")\s*\(", block)]
    assert len(ours) == 6
    assert [validate(load_schema(), parse(block)) for block in ours] == [[]] * 6


def test_unknown_field_is_refused():
    assert validate(load_schema(), parse("{ orders { number integrationStatus } }"))
