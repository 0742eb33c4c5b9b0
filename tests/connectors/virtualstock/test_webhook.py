import base64
import json

import pytest

from app.connectors.virtualstock.webhook import Hook, receive
from app.domain.errors import ForgedError, MalformedError
from tests.connectors.virtualstock.conftest import NOW

HOOK = Hook("edge", "pusher", "told by us")
PUSH = {
    "event_id": "7d0c",
    "event": "order.created",
    "order_url": "https://evil.test/1/",
    "order_reference": "A1",
}
NEWS = {"ts": 17624076020011, "order_number": "A1", "tracking_number": 155, "status": "InTransit"}


def header(pair: str = "pusher:told by us", scheme: str = "Basic") -> dict[str, str]:
    return {"authorization": f"{scheme} {base64.b64encode(pair.encode()).decode()}"}


def take(body: object, headers: dict[str, str] | None = None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return receive(raw, header() if headers is None else headers, NOW, hook=HOOK)


def test_a_push_is_a_hint_and_nothing_of_it_is_believed():
    (draft,) = take(PUSH)
    assert (draft.kind, draft.order_ref, draft.key) == (
        "virtualstock.hint",
        None,
        "virtualstock/edge/push/7d0c",
    )
    assert "evil" not in json.dumps(draft.body)


def test_tracking_news_is_kept_by_its_own_number():
    (draft,) = take(NEWS)
    assert draft.kind == "virtualstock.tracking"
    assert draft.key == "virtualstock/edge/tracking/17624076020011/A1/155"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing"),
        (header(scheme="Bearer"), "malformed"),
        ({"authorization": "Basic ???"}, "malformed"),
        ({"authorization": "Basic \u00e9"}, "malformed"),
        (header("pusher:guess"), "mismatch"),
        (header("somebody:told by us"), "mismatch"),
        (header("pusher"), "mismatch"),
    ],
)
def test_strangers_are_turned_away(headers, reason):
    with pytest.raises(ForgedError) as caught:
        take(PUSH, headers)
    assert caught.value.reason == reason


@pytest.mark.parametrize("body", [b"{", b"[]", {"event_id": ""}, {"ts": "x"}, {}, b"\xff"])
def test_authentic_bytes_that_cannot_be_read_are_told_apart(body):
    with pytest.raises(MalformedError):
        take(body)
