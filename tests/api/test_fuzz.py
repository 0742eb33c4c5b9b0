"""Hostile input on every operation of the contract: never a 500, always an answer that the contract names."""

import base64
import hashlib
import json
import random

import pytest

from app.api.compose import compose
from app.api.describe import METHODS
from tests.api.test_messages import parked, put

CONTRACT = compose().openapi()
OPERATIONS = sorted(
    (path, method) for path, methods in CONTRACT["paths"].items() for method in METHODS & set(methods)
)
ROUNDS = 100
PROBLEM = "application/problem+json"
HUGE = 10**30
TEXTS = (
    *("", " ", "\x00", "a\x00b", "\ud800", "\U0001f9e6", "%", "%00", "../..", "' OR 1=1 --", "x" * 5000),
    *(str(HUGE), str(-HUGE), "9" * 5000, "-1", "0", "1e400", "NaN", "Infinity", "null", "true", "{}", "[]"),
    *("sku_aliases", "posting_rules", "ready", "held", "finance", "uk", "uk/\x00", "CEN-", "2026-13-45"),
    *(str((1 << 62) - 1), str(1 << 63), "$1", "*", "\u202e", "é", "\r\nx: y"),
)
VALUES = (
    *(None, True, 0, -1, HUGE, 1.5, 1e308, "1E+999999", [], {}, [[]], {"": {}}, {"a\x00": "\x00"}),
    *("", "\x00", "\ud800", "sound", "R\x00", {"$ref": "#"}, [None], ["x" * 300]),
)
ROW = {"connection": "uk", "alias": "RED", "code": "R1"}
RULE = {"rule": "a", "position": 1, "nominal": "41100"}
RAW = (b"", b"null", b"[" * 50_000, b'{"rows": 1e999}', b"\xff\xfe", b'{"reason": ' + b"9" * 5000 + b"}")


def quoted(text):
    """Percent-encoded, bytes that are no UTF-8 included."""
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def cursors(rng):
    """Opaque to honest clients; the others write their own, with the fingerprint of a list they may read."""
    at = rng.choice(
        [HUGE, -HUGE, 1.5, float("inf"), True, "\x00", "\ud800", ["\x00", "\ud800"], [1], [], {}, None]
    )
    made = rng.choice([{"at": at, "of": "x"}, {"at": at}, [], at, "[" * 700])
    text = made if isinstance(made, str) else json.dumps(made)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


def spoil(rng, value):
    """The same shape with one value in it exchanged."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(sorted(value))
        return {**value, name: spoil(rng, value[name]), **({"more\x00": 1} if rng.random() < 0.1 else {})}
    if isinstance(value, list) and value and rng.random() < 0.85:
        return [spoil(rng, value[0]), *value]
    return rng.choice(VALUES)


def body(rng, operation):
    if "requestBody" not in operation:
        return b""
    if rng.random() < 0.2:
        return rng.choice(RAW)
    made = {"reason": "because", "through": 1, "rows": [rng.choice([ROW, RULE])], "apply": rng.random() < 0.5}
    return json.dumps(spoil(rng, made) if rng.random() < 0.8 else made).encode()


def request(rng, path, operation):
    """URL and headers, each parameter hostile, missing or sound."""
    query, headers = [], {"content-type": "application/json"}
    for one in operation.get("parameters", ()):
        text = rng.choice(TEXTS)
        if one["in"] == "path":
            sound = {"table": "sku_aliases", "exception_id": "1", "message_id": "1", "group": "0" * 16}.get(
                one["name"], "1"
            )
            path = path.replace(f"{{{one['name']}}}", quoted(sound if rng.random() < 0.7 else text) or "0")
        elif one["in"] == "header" and rng.random() < 0.6:
            headers[one["name"]] = rng.choice(["*", "*", '"x"', "k", "x" * 300, "\xff", "", ",,,"]).encode(
                "latin-1"
            )
        elif one["in"] == "query" and rng.random() < 0.25:
            query.append(f"{one['name']}={cursors(rng) if one['name'] == 'cursor' else quoted(text)}")
    return f"{path}?{'&'.join(query)}", headers


async def test_hostile_input_is_answered_as_the_contract_says(shop):
    await put(shop.pool, parked("1", "E-VAT"))
    rng, key = random.Random(20), await shop.key()
    for path, method in OPERATIONS * ROUNDS:
        operation = CONTRACT["paths"][path][method]
        url, headers = request(rng, path, operation)
        sent = body(rng, operation)
        answer = await shop.client.request(method, url, headers={**key, **headers}, content=sent)
        asked = (method, url, headers, sent[:300], answer.text)
        assert str(answer.status_code) in set(operation["responses"]) - {"500", "503"}, asked
        assert answer.status_code < 400 or answer.headers["content-type"] == PROBLEM, asked


PLACES = (
    HUGE,
    -1,
    1.5,
    float("inf"),
    float("nan"),
    True,
    "\x00",
    "\ud800",
    [1, 2],
    ["\x00", ""],
    {},
    None,
)
LISTS = ("messages", "orders", "exceptions", "lanes", "audit")


def cursor_of(path, place):
    """What the list itself would write."""
    of = hashlib.sha256(json.dumps([path, []]).encode()).hexdigest()[:16]
    return base64.urlsafe_b64encode(json.dumps({"at": place, "of": of}).encode()).decode()


@pytest.mark.parametrize("name", LISTS)
async def test_a_place_that_no_page_ended_at_is_400(shop, name):
    path, key = f"/api/v1/{name}", await shop.key()
    asked = [f"{path}?cursor={cursor_of(path, place)}" for place in PLACES]
    answers = [await shop.client.get(url, headers=key) for url in asked]
    assert [answer.json().get("code") for answer in answers] == ["bad_cursor"] * len(PLACES)


async def test_a_hostile_host_is_no_500(shop):
    key = await shop.key()
    for host in (b"[", b"a/b", b"", b"x" * 1000, b"\xff"):
        answer = await shop.client.get("/api/v1/messages?limit=1", headers={**key, "host": host})
        assert answer.status_code == 200, host


async def test_a_signed_delivery_of_hostile_text_is_stored(shop):
    for raw in (b"1\x00:created", "\U0001f9e6:created".encode(), b"x" * 100_000):
        assert (await shop.post(raw)).status_code == 202
