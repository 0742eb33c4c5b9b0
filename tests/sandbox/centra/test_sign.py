import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from app.sandbox.centra.sign import sign, write_body

GOLDEN = Path(__file__).parents[4] / "shared" / "domain" / "golden" / "webhook_centra.json"


def test_official_vector_is_signed_as_documented():
    signed = sign("test123", 12345678, b"payload=%7B%22x%22%3A%22test%22%7D")
    assert signed == "t=12345678,v1=0b9cd84f5d583e5e1aadfb9f160aa8080b51d5b85ff85808d6b75bdac356c549"


@pytest.mark.skipif(not GOLDEN.exists(), reason="the shared documents are not beside this checkout")
def test_golden_bodies_and_signatures_are_reproduced():
    for vector in json.loads(GOLDEN.read_text())["vectors"]:
        assert sign(vector["secret"], int(vector["t"]), vector["body"].encode()) == vector["header"]
        if vector["origin"] == "constructed":
            space = "+" if "+" in vector["body"] else "%20"
            assert write_body(vector["decoded"]["events"], space).decode() == vector["body"]


@pytest.mark.parametrize("space", ["+", "%20"])
def test_form_decoder_reads_what_was_written(space):
    events = [{"type": "order", "date": "2026-03-02 09:14:07.118204", "id": 1, "note": "a+b & ü!'()*~"}]
    body = write_body(events, space).decode("ascii")
    assert json.loads(parse_qs(body)["payload"][0]) == {"events": events}
    assert space in body
