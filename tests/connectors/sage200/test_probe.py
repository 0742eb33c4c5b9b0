from decimal import Decimal

import httpx
import pytest

from app.domain.erp import DocumentStanding
from app.domain.errors import DestinationError, PermanentError, TransientError
from tests.connectors.sage200.stage import reply


def stored(id_, key, **changes):
    return {
        "id": id_,
        "document_no": f"{id_:010}",
        "customer_document_no": key,
        "document_status": "EnumDocumentStatusLive",
        "is_draft": False,
        "total_net_value": Decimal("10.00"),
        "total_tax_value": Decimal("2.00"),
        "total_gross_value": Decimal("12.00"),
        "spare_text_1": None,
        "lines": [
            {"line_type": "EnumLineTypeStandard", "code": "dress-s", "line_quantity": Decimal("2.00000")},
            {"line_type": "EnumLineTypeCharge", "code": "CARRIAGE", "line_quantity": Decimal(1)},
        ],
    } | changes


async def test_probe_gives_every_key_an_answer(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "CEN-1")]
    found = await erp.probe(["CEN-1", "CEN-2"])
    assert [document.id for document in found["CEN-1"]] == [7]
    assert found["CEN-2"] == ()


async def test_probe_counts_goods_by_normalised_code(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "CEN-1")]
    (document,) = (await erp.probe(["CEN-1"]))["CEN-1"]
    assert document.quantities == {"DRESS-S": Decimal(2)}


async def test_probe_finds_an_order_whose_number_was_retyped(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "PHONED", spare_text_1="CEN-1")]
    (document,) = (await erp.probe(["CEN-1"]))["CEN-1"]
    assert (document.key, document.trace) == ("PHONED", "CEN-1")


async def test_probe_reports_an_order_once_that_matches_twice(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "CEN-1", spare_text_1="CEN-1"), stored(8, "CEN-1")]
    found = await erp.probe(["CEN-1"])
    assert [document.id for document in found["CEN-1"]] == [7, 8]


async def test_probe_compares_exactly_though_sage_minds_no_case(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "cen-1")]
    assert await erp.probe(["CEN-1"]) == {"CEN-1": ()}


async def test_probe_asks_for_drafts_by_name(erp, sage):
    await erp.probe(["CEN-1"])
    assert sage.asked("sop_orders") == [
        "(customer_document_no eq 'CEN-1' or spare_text_1 eq 'CEN-1') and (is_draft eq true or is_draft eq false)"
    ]


async def test_probe_leaves_out_what_an_old_release_lacks(opened, sage):
    erp = await opened(spare_slot=0, ask_drafts=False)
    await erp.probe(["CEN-1"])
    assert sage.asked("sop_orders") == ["customer_document_no eq 'CEN-1'"]


async def test_probe_quotes_a_key(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "O'NEIL")]
    assert len((await erp.probe(["O'NEIL"]))["O'NEIL"]) == 1


@pytest.mark.parametrize(
    ("changes", "standing", "number"),
    [
        ({}, DocumentStanding.LIVE, "0000000007"),
        ({"document_status": 0}, DocumentStanding.LIVE, "0000000007"),
        ({"document_status": "EnumDocumentStatusCancelled"}, DocumentStanding.CANCELLED, "0000000007"),
        ({"document_status": "4"}, DocumentStanding.CANCELLED, "0000000007"),
        ({"document_status": "EnumDocumentStatusComplete"}, DocumentStanding.OTHER, "0000000007"),
        ({"document_status": "EnumDocumentStatusSomethingNew"}, DocumentStanding.OTHER, "0000000007"),
        ({"is_draft": True}, DocumentStanding.DRAFT, "0000000007"),
        ({"document_no": "##12"}, DocumentStanding.DRAFT, ""),
    ],
)
async def test_probe_tells_what_a_document_is(erp, sage, changes, standing, number):
    sage.tables["sop_orders"] = [stored(7, "CEN-1", **changes)]
    (document,) = (await erp.probe(["CEN-1"]))["CEN-1"]
    assert (document.standing, document.number) == (standing, number)


async def test_probe_reads_an_order_that_only_the_view_lists(erp, sage):
    hidden = stored(7, "CEN-1", document_no="##7", is_draft=True)
    sage.tables["sop_order_return_views"] = [stored(7, "CEN-1", document_status_id=5)]
    sage.on_read = lambda request: reply(hidden) if request.url.path.endswith("sop_orders/7") else None
    (document,) = (await erp.probe(["CEN-1"]))["CEN-1"]
    assert document.standing is DocumentStanding.DRAFT
    assert document.quantities == {"DRESS-S": Decimal(2)}


async def test_probe_reports_an_archived_document_as_not_live(erp, sage):
    sage.tables["sop_order_return_views"] = [stored(7, "CEN-1", document_status_id=0)]
    (document,) = (await erp.probe(["CEN-1"]))["CEN-1"]
    assert (document.standing, document.gross) == (DocumentStanding.OTHER, Decimal("12.00"))


async def test_probe_asks_the_view_only_for_what_the_list_lacks(erp, sage):
    sage.tables["sop_orders"] = [stored(7, "CEN-1")]
    await erp.probe(["CEN-1", "CEN-2"])
    assert sage.asked("sop_order_return_views") == ["customer_document_no eq 'CEN-2'"]


async def test_probe_of_many_keys_stays_within_terms_and_url(erp, sage):
    keys = [f"CENTRA-UK-{number:09}" for number in range(300)]
    sage.tables["sop_orders"] = [stored(number, key) for number, key in enumerate(keys, start=1)]
    found = await erp.probe(keys)
    assert all(len(documents) == 1 for documents in found.values())
    assert max(len(str(request.url)) for request in sage.requests) < 6_000
    assert max(text.count(" eq ") for text in sage.asked("sop_orders")) <= 22


async def test_probe_reads_every_page(erp, sage):
    sage.tables["sop_orders"] = [stored(number, "CEN-1") for number in range(1, 1002)]
    assert len((await erp.probe(["CEN-1"]))["CEN-1"]) == 1001


async def test_probe_accepts_a_wrapped_list(erp, sage):
    sage.on_read = lambda request: (
        reply({"value": [stored(7, "CEN-1")]}) if request.url.path.endswith("/sop_orders") else None
    )
    assert len((await erp.probe(["CEN-1"]))["CEN-1"]) == 1


async def test_probe_never_takes_an_order_without_totals_for_zero(erp, sage):
    bare = {"id": 7, "customer_document_no": "CEN-1", "document_status": "0"}
    sage.on_read = lambda request: reply(bare if request.url.path.endswith("/7") else [bare])
    with pytest.raises(DestinationError):
        await erp.probe(["CEN-1"])


@pytest.mark.parametrize(
    "body", [{"Message": "odd"}, ["odd"], [{"customer_document_no": "CEN-1"}], [{"id": "seven"}]]
)
async def test_probe_concludes_nothing_from_another_shape(erp, sage, body):
    sage.on_read = lambda _: reply(body)
    with pytest.raises(DestinationError):
        await erp.probe(["CEN-1"])


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (302, DestinationError),
        (400, PermanentError),
        (403, DestinationError),
        (404, DestinationError),
        (408, DestinationError),
        (429, DestinationError),
        (500, TransientError),
        (502, DestinationError),
        (504, DestinationError),
    ],
)
async def test_a_failed_probe_never_says_that_nothing_is_there(erp, sage, status, decision):
    sage.on_read = lambda _: httpx.Response(status)
    with pytest.raises(decision) as raised:
        await erp.probe(["CEN-1"])
    assert type(raised.value) is decision


async def test_a_login_page_in_front_of_sage_is_not_an_empty_list(erp, sage):
    sage.on_read = lambda _: httpx.Response(200, text="<html>Sign in</html>")
    with pytest.raises(DestinationError):
        await erp.probe(["CEN-1"])


async def test_a_list_that_never_ends_is_given_up(erp, sage):
    page = [{"id": 7, "customer_document_no": "CEN-1"}] * 500
    sage.on_read = lambda _: reply(page)
    with pytest.raises(DestinationError, match="does not end"):
        await erp.probe(["CEN-1"])
