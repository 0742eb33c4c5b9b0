import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connectors.centra.webhook import Hook, receive, verify
from app.domain.errors import ForgedError, MalformedError
from app.domain.message import Draft, MessageClass
from tests.connectors.centra.wire import SECRET, event, form, sign

GOLDEN = Path(__file__).parents[4] / "shared" / "domain" / "golden" / "webhook_centra.json"
AT = 1772442848
NOW = datetime.fromtimestamp(AT, UTC)
HOOK = Hook("uk", (SECRET.encode(),))


def deliver(payload, *, hook: Hook = HOOK, **how) -> tuple[Draft, ...]:
    raw = form(payload, **how)
    return receive(raw, {"x-centra-signature": sign(raw, AT)}, NOW, hook=hook)


def judge(raw: bytes, header: str | None, now: datetime = NOW, hook: Hook = HOOK) -> str:
    try:
        verify(raw, header, now, hook)
    except ForgedError as error:
        return f"reject:{error.reason}"
    return "accept"


def golden(part: str) -> list[dict]:
    return json.loads(GOLDEN.read_text())[part] if GOLDEN.exists() else []


@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden vectors are not beside the project")
@pytest.mark.parametrize("vector", golden("vectors"), ids=lambda vector: vector["id"])
def test_golden_vector_is_accepted_at_its_time(vector):
    hook = Hook("uk", (vector["secret"].encode(),))
    now = datetime.fromtimestamp(int(vector["t"]), UTC)
    assert judge(vector["body"].encode(), vector["header"], now, hook) == "accept"


@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden vectors are not beside the project")
@pytest.mark.parametrize("check", golden("checks"), ids=lambda check: check["id"])
def test_golden_check_ends_as_expected(check):
    vector = next(one for one in golden("vectors") if one["id"] == check["vector"])
    given_ = {**vector, **{name: check[name] for name in ("body", "header", "secret") if name in check}}
    hook = Hook("uk", (given_["secret"].encode(),))
    now = datetime.fromtimestamp(check["now"], UTC)
    assert judge(given_["body"].encode(), given_["header"], now, hook) == check["expect"]


def test_documented_vector_is_accepted():
    header = "t=12345678,v1=0b9cd84f5d583e5e1aadfb9f160aa8080b51d5b85ff85808d6b75bdac356c549"
    now = datetime.fromtimestamp(12345678, UTC)
    assert judge(b"payload=%7B%22x%22%3A%22test%22%7D", header, now, Hook("uk", (b"test123",))) == "accept"


@given(st.data())
def test_one_changed_byte_is_a_mismatch(data):
    raw = form({"events": [event()]})
    place = data.draw(st.integers(0, len(raw) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    changed = raw[:place] + bytes([other]) + raw[place + 1 :]
    assert judge(changed, sign(raw, AT)) == "reject:mismatch"


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(300, "accept"), (-300, "accept"), (301, "reject:stale"), (-301, "reject:stale")],
)
def test_signature_is_good_for_five_minutes_both_ways(seconds, verdict):
    raw = form({"events": [event()]})
    assert judge(raw, sign(raw, AT), NOW + timedelta(seconds=seconds)) == verdict


def test_either_of_two_secrets_is_accepted_while_one_is_changed():
    raw = form({"events": [event()]})
    hook = Hook("uk", (b"new", SECRET.encode()))
    assert [judge(raw, sign(raw, AT, secret), hook=hook) for secret in ("new", SECRET, "older")] == [
        "accept",
        "accept",
        "reject:mismatch",
    ]


def test_without_a_secret_nothing_is_accepted():
    raw = form({"events": [event()]})
    assert judge(raw, sign(raw, AT, ""), hook=Hook("uk", ())) == "reject:mismatch"


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        "t=1",
        f"v1={'0' * 64}",
        f"t=,v1={'0' * 64}",
        f"t=-1,v1={'0' * 64}",
        f"t=+1,v1={'0' * 64}",
        f"t=1.0,v1={'0' * 64}",
        f"t=1_0,v1={'0' * 64}",
        f"t=\u0661,v1={'0' * 64}",
        f"t={'9' * 13},v1={'0' * 64}",
        f"t=1,v1={'0' * 63}",
        f"t=1,v1={'0' * 65}",
        f"t=1,v1={'A' * 64}",
        f"t=1,v1={'g' * 64}",
        f"t=1,v1={'0' * 64},",
        f"t=1,t=2,v1={'0' * 64}",
        f"t=1,v1={'0' * 64},v1={'1' * 64}",
        f"t=1,v1={'0' * 64}\u00a0,v1",
        f"t=1;v1={'0' * 64}",
    ],
)
def test_odd_header_is_malformed(header):
    assert judge(b"payload=", header) == "reject:malformed"


@given(st.text())
def test_any_header_ends_in_one_of_the_named_reasons(header):
    assert judge(b"payload=", header) in {"reject:malformed", "reject:mismatch", "reject:stale"}


@given(
    st.permutations(["t", "v1", "v0", "x"]),
    st.lists(st.sampled_from(["", " ", "\t", "  "]), min_size=8, max_size=8),
)
def test_order_blanks_and_unknown_fields_of_the_header_do_not_matter(names, blanks):
    raw = form({"events": [event()]})
    known = dict(part.split("=") for part in sign(raw, AT).split(","))
    parts = [
        f"{blanks[2 * i]}{name}={known.get(name, 'a=b')}{blanks[2 * i + 1]}" for i, name in enumerate(names)
    ]
    assert judge(raw, ",".join(parts)) == "accept"


@pytest.mark.parametrize("plus", [True, False])
def test_order_event_becomes_a_notice(plus):
    (draft,) = deliver({"events": [event()]}, plus=plus)
    assert (
        draft.kind,
        draft.cls,
        draft.destination,
        draft.source,
        draft.order_ref,
        draft.raw,
        draft.park,
    ) == (
        "centra.order",
        MessageClass.NOTICE,
        "centra:uk",
        "uk",
        "20417",
        None,
        None,
    )
    assert draft.body == {**event(), "via": "webhook"}


def test_each_distinct_event_becomes_one_draft():
    drafts = deliver({"events": [event(), event(action="update"), event(), event(id=20418)]})
    assert [(draft.order_ref, draft.body["action"]) for draft in drafts] == [
        ("20417", "insert"),
        ("20417", "update"),
        ("20418", "insert"),
    ]


def test_key_belongs_to_the_event_and_not_to_the_call():
    (alone,) = deliver({"events": [event()]})
    beside = deliver({"events": [event(id=1), event()]}, plus=False)
    assert re.fullmatch(r"centra/uk/webhook/[0-9a-f]{32}", alone.key)
    assert alone.key == beside[1].key


@pytest.mark.parametrize("change", [{"id": 2}, {"date": "2026"}, {"action": "x"}, {"type": "shipment"}])
def test_key_differs_with_every_part_of_the_event(change):
    first, second = deliver({"events": [event(), event(**change)]})
    assert first.key != second.key


def test_key_differs_between_connections():
    (uk,) = deliver({"events": [event()]})
    (eu,) = deliver({"events": [event()]}, hook=Hook("eu", (SECRET.encode(),)))
    assert (uk.key != eu.key, eu.destination) == (True, "centra:eu")


@pytest.mark.parametrize("name", ["shipment", "customer", "account", "return"])
def test_other_known_types_hold_no_order_number(name):
    (draft,) = deliver({"events": [event(type=name, action="good_to_go")]})
    assert (draft.kind, draft.order_ref) == (f"centra.{name}", None)


@pytest.mark.parametrize("id_", [7, "7c1f"])
def test_unknown_type_is_kept(id_):
    (draft,) = deliver({"events": [event(type="moon", id=id_)]})
    assert (draft.kind, draft.order_ref, draft.body["id"], draft.park) == ("centra.other", None, id_, None)


BAD = [
    None,
    5,
    [],
    "order",
    {},
    event(id="20417"),
    event(id=True),
    event(id=None),
    event(id=20417.5),
    event(id=0),
    event(id=-1),
    event(id=2**31),
    event(id=10**30),
    event(date=None),
    event(date=""),
    event(action=7),
    event(type=["order"]),
    event(type="x" * 65),
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_event_that_cannot_be_read_is_parked_beside_the_good(bad):
    drafts = deliver({"events": [event(id=1), bad, event(id=2)]})
    assert [draft.kind for draft in drafts] == ["centra.order", "centra.unreadable", "centra.order"]
    assert (drafts[1].park.code, json.loads(drafts[1].raw), drafts[1].body) == ("E-UNREADABLE", bad, {})


def test_unreadable_event_is_the_same_message_in_whatever_body_it_comes():
    first = deliver({"events": [event(), event(id="x")]})[1]
    again = deliver({"events": [event(id="x"), event(id=5)]})[0]
    assert (first.key, first.raw) == (again.key, again.raw)


def test_unreadable_event_names_fields_and_no_values():
    park = deliver({"events": [event(), event(id="imogen@example.com")]})[1].park
    assert "imogen" not in repr(park)
    assert park.field == "event: id"


@pytest.mark.parametrize("text", ["nul \\u0000", "lone \\ud800 high", "\\udc00"])
def test_what_jsonb_refuses_stays_in_the_raw_bytes_only(text):
    date = '"2026-03-02 09:14:07.118204"'
    payload = f'{{"events":[{{"type":"order","action":"{text}","date":{date},"id":7}}]}}'
    (draft,) = deliver(payload)
    draft.body["action"].encode()
    assert "\ufffd" in draft.body["action"]
    assert "\x00" not in draft.body["action"]
    assert text.encode() in draft.raw


def test_text_in_a_broken_encoding_costs_no_other_event():
    raw = form({"events": [event(action="odd"), event()]}).replace(b"odd", b"%FF")
    odd, good = receive(raw, {"x-centra-signature": sign(raw, AT)}, NOW, hook=HOOK)
    assert (odd.body["action"], good.order_ref) == ("\ufffd", "20417")


def test_texts_that_differ_only_in_what_jsonb_refuses_stay_two_events():
    spelt = ['{"type":"order","action":"' + mark + '","date":"d","id":7}' for mark in ("\\u0000", "\\ud800")]
    assert len(deliver('{"events":[' + ",".join(spelt) + "]}")) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"payload",
        b"payload=",
        b"payload=%7B",
        b"paylood=%7B%22events%22%3A%5B1%5D%7D",
        b"payload=%7B%7D",
        b"payload=null",
        b"payload=7",
        b"payload=NaN",
        b"payload=1e99999999999999999999",
        b"payload=%7B%22events%22%3A%5B%5D%7D",
        b"payload=%7B%22events%22%3A%7B%7D%7D",
        b"payload=%7B%22events%22%3A%5B1%2Cnull%5D%7D",
        b'{"events": []}',
        b"\xff\xfe",
        b"payload=" + b"9" * 5000,
        b"payload=" + b"%5B" * 100_000,
        b"&".join([b"a=b"] * 50),
        form({"events": [event()]}) + b"&" + form({"events": [event(id=1)]}),
        form({"events": [event(id=number + 1) for number in range(1001)]}),
    ],
    ids=lambda raw: raw[:40].decode("latin-1"),
)
def test_authentic_body_of_which_nothing_can_be_read_is_malformed(raw):
    with pytest.raises(MalformedError):
        receive(raw, {"x-centra-signature": sign(raw, AT)}, NOW, hook=HOOK)


@given(st.binary(max_size=200))
def test_any_authentic_body_is_read_or_malformed(raw):
    try:
        drafts = receive(raw, {"x-centra-signature": sign(raw, AT)}, NOW, hook=HOOK)
    except MalformedError:
        return
    assert drafts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(("type", "action", "date", "id"), JSON)), max_size=5
    )
)
def test_any_events_beside_a_good_one_leave_it_standing(events):
    drafts = deliver(json.dumps({"events": [*events, event()]}))
    assert [draft.order_ref for draft in drafts].count("20417") >= 1
    json.dumps([draft.body for draft in drafts]).encode()


def test_forged_body_is_not_even_decoded():
    raw = b"payload=%7B"
    with pytest.raises(ForgedError, match="missing"):
        receive(raw, {}, NOW, hook=HOOK)
