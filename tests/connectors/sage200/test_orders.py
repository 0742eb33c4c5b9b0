from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from app.domain.erp import DocumentStanding, EntryKind
from app.domain.errors import DestinationError, InDoubtError, PermanentError, SnoozeError, TransientError
from app.domain.refusals import Cause, PhraseRow
from tests.connectors.sage200.stage import order, reply


def no_check():
    pass


def refusing(text, status=400):
    return lambda _: reply({"Message": text}, status)


async def test_place_sends_what_sage_needs_with_ids_resolved(erp, sage):
    await erp.place(order(), no_check)
    assert sage.creates() == [
        {
            "customer_id": 501,
            "document_date": "2026-03-02T00:00:00Z",
            "customer_document_no": "CEN-10045",
            "is_editing": False,
            "use_invoice_address": False,
            "delivery_address": {
                "postal_name": "Ada Shopper",
                "address_1": "1 High Street",
                "city": "Leeds",
                "postcode": "LS1 1AA",
                "country": "GB",
                "email_address": "ada@example.com",
                "country_code_id": 71,
            },
            "lines": [
                {
                    "line_type": "EnumLineTypeStandard",
                    "product_id": 1001,
                    "warehouse_id": 61,
                    "line_quantity": Decimal(2),
                    "to_allocate_quantity": Decimal(2),
                    "selling_unit_price": Decimal("19.95"),
                    "selling_unit_price_overridden": True,
                    "tax_code_id": 51,
                    "nominal_reference": "41100",
                    "nominal_cost_centre": "WEB",
                },
                {
                    "line_type": "EnumLineTypeCharge",
                    "code": "CARRIAGE",
                    "selling_unit_price": Decimal("5.00"),
                    "tax_code_id": 51,
                    "nominal_reference": "41100",
                    "nominal_cost_centre": "WEB",
                },
                {
                    "line_type": "EnumLineTypeFreeText",
                    "description": "Channel rounding",
                    "line_quantity": Decimal(1),
                    "selling_unit_price": Decimal("-0.01"),
                    "tax_code_id": 59,
                    "nominal_reference": "99999",
                },
            ],
            "analysis_code_1": "P100",
            "spare_text_1": "CEN-10045",
        }
    ]


async def test_place_writes_money_as_json_numbers(erp, sage):
    await erp.place(order(), no_check)
    (sent,) = [request.content.decode() for request in sage.requests if request.method == "POST"]
    assert '"selling_unit_price": 19.95,' in sent


@pytest.mark.parametrize("lines_in_reply", [True, False])
async def test_place_returns_the_document_with_quantities(erp, sage, lines_in_reply):
    sage.reply_lines = lines_in_reply
    made = await erp.place(order(), no_check)
    assert (made.number, made.key, made.standing, made.gross, made.quantities) == (
        "0000040001",
        "CEN-10045",
        DocumentStanding.LIVE,
        Decimal("53.87"),
        {"DRESS-S": Decimal(2)},
    )


async def test_place_adds_up_the_lines_of_a_split_price(erp, sage):
    goods, *rest = order().entries
    split = (
        replace(goods, quantity=Decimal(1)),
        replace(goods, quantity=Decimal(1), unit_net=Decimal("19.94")),
    )
    made = await erp.place(order(entries=(*split, *rest)), no_check)
    assert made.quantities == {"DRESS-S": Decimal(2)}


async def test_place_asks_for_no_allocation_when_told_so(opened, sage):
    erp = await opened(allocate=False)
    await erp.place(order(), no_check)
    assert "to_allocate_quantity" not in sage.creates()[0]["lines"][0]


async def test_place_describes_a_charge_that_has_no_code(erp, sage):
    goods, carriage, _ = order().entries
    await erp.place(order(entries=(goods, replace(carriage, code="", description="Handling"))), no_check)
    assert sage.creates()[0]["lines"][1]["description"] == "Handling"


async def test_place_puts_the_trace_where_it_was_told(opened, sage):
    erp = await opened(spare_slot=7)
    await erp.place(order(trace="T-1"), no_check)
    assert sage.creates()[0]["spare_text_7"] == "T-1"


async def test_last_check_stops_the_create_before_it_is_sent(erp, sage):
    class LeaseOverError(Exception):
        pass

    def over():
        raise LeaseOverError

    with pytest.raises(LeaseOverError):
        await erp.place(order(), over)
    assert sage.creates() == []


async def test_last_check_runs_again_before_a_create_is_repeated_with_a_new_token(erp, sage, clock):
    await erp.probe(["X"])
    clock.pass_(60)
    checks = []

    def refuse_once(request):
        if len(checks) == 1:
            return httpx.Response(401)
        return sage.save(request)

    sage.on_create = refuse_once
    await erp.place(order(), lambda: checks.append(1))
    assert len(checks) == 2


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
async def test_a_create_without_a_definite_answer_is_in_doubt(erp, sage, status):
    sage.on_create = lambda _: httpx.Response(status, text="<html>Bad Gateway</html>")
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)


@pytest.mark.parametrize("body", [b"", b"<html>signed out</html>", b"[]", b"null", b"[" * 99_999])
async def test_a_create_answered_200_without_a_record_is_in_doubt(erp, sage, body):
    sage.on_create = lambda _: httpx.Response(200, content=body)
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)


async def test_a_created_order_that_cannot_be_read_back_is_in_doubt(erp, sage):
    sage.on_read = lambda request: httpx.Response(504) if "sop_orders/" in request.url.path else None
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)


async def test_a_confirmed_order_that_is_a_draft_is_in_doubt(erp, sage):
    def leave_a_draft(request):
        sage.save(request)
        sage.tables["sop_orders"][-1] |= {"document_no": "##12", "is_draft": True}
        return reply(sage.tables["sop_orders"][-1])

    sage.on_create = leave_a_draft
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)


@pytest.mark.parametrize("status", [400, 409, 423])
async def test_a_locked_record_snoozes_whatever_the_status(erp, sage, status):
    sage.on_create = refusing("Customer WEBGBP is locked by user 'jsmith'.", status)
    with pytest.raises(SnoozeError):
        await erp.place(order(), no_check)


async def test_a_lock_is_recognised_by_a_configured_phrase(opened, sage):
    erp = await opened(locked_phrases=["gesperrt"])
    sage.on_create = refusing("Der Datensatz ist gesperrt.")
    with pytest.raises(SnoozeError):
        await erp.place(order(), no_check)


async def test_a_row_of_the_phrases_holds_at_once_and_before_all_that_is_built_in(erp, sage):
    rows: list[PhraseRow] = []

    async def phrases():
        return rows

    erp.consult(phrases)
    sage.on_create = refusing("Product DRESS-S is inactive, somebody edits it.")
    with pytest.raises(PermanentError, match="E-SKU-INACTIVE"):
        await erp.place(order(), no_check)
    rows.append(PhraseRow(phrase="inactive, somebody * it", cause=Cause.LOCKED))
    with pytest.raises(SnoozeError):
        await erp.place(order(), no_check)


async def test_an_unknown_text_is_looked_for_then_kept_as_it_was(erp, sage):
    sage.on_create = refusing("Der Belegkreis  ist gesperrt (0x80040E14).")
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(), no_check)
    assert (refused.value.code, refused.value.need) == ("E-SAGE-UNKNOWN", "phrases")
    assert refused.value.detail == "Der Belegkreis ist gesperrt (0x80040E14)."
    assert sage.asked("sop_order_return_views")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The customer account is on hold.", "E-CUST-ONHOLD"),
        ("This order takes the account over its credit limit.", "E-CUST-ONHOLD"),
        ("The product DRESS-S is inactive.", "E-SKU-INACTIVE"),
        ("You do not have permission to override prices.", "E-SAGE-FORBIDDEN"),
        ("The accounting period is closed.", "E-PERIOD-CLOSED"),
        ("The analysis code Project Code is mandatory.", "E-SAGE-REJECTED"),
        ("Something nobody has ever seen.", "E-SAGE-UNKNOWN"),
        ("", "E-SAGE-UNKNOWN"),
    ],
)
async def test_a_refusal_parks_under_a_stable_code(erp, sage, text, code):
    sage.on_create = refusing(text)
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(), no_check)
    assert refused.value.code == code


async def test_a_refusal_without_a_word_cannot_be_taught(erp, sage):
    sage.on_create = lambda _: httpx.Response(400)
    with pytest.raises(PermanentError, match="no text") as refused:
        await erp.place(order(), no_check)
    assert (refused.value.code, refused.value.need) == ("E-SAGE-REJECTED", None)


async def test_a_refusal_does_not_repeat_the_shoppers_data(erp, sage):
    sage.on_create = refusing("postal_name 'ADA SHOPPER' (ada@example.com, LS1 1AA) is not valid.")
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(), no_check)
    assert refused.value.detail == "postal_name '…' … …) is not valid."


async def test_an_unknown_refusal_that_left_a_draft_is_in_doubt(erp, sage):
    def keep_a_draft(request):
        sage.save(request)
        sage.tables["sop_orders"][-1] |= {"document_no": "##12", "is_draft": True}
        return reply({"Message": "Object reference not set."}, 400)

    sage.on_create = keep_a_draft
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)


async def test_an_unknown_refusal_is_in_doubt_while_sage_cannot_be_asked(erp, sage):
    sage.on_create = refusing("Object reference not set.")
    sage.on_read = lambda request: httpx.Response(504) if "sop_orders" in request.url.path else None
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)


async def test_a_deadlock_is_tried_again(erp, sage):
    sage.on_create = refusing("Transaction was deadlocked and chosen as the deadlock victim.")
    with pytest.raises(TransientError):
        await erp.place(order(), no_check)


async def test_a_stale_id_is_resolved_once_more_and_the_order_placed(erp, sage):
    await erp.place(order(key="CEN-1", trace="CEN-1"), no_check)
    sage.tables["products"][0]["id"] = 2001

    def know_only_the_new_id(request):
        lines = sage.creates()[-1]["lines"]
        if lines[0]["product_id"] == 2001:
            return sage.save(request)
        return reply({"Message": "The product with id 1001 could not be found."}, 400)

    sage.on_create = know_only_the_new_id
    made = await erp.place(order(), no_check)
    assert (made.key, len(sage.creates())) == ("CEN-10045", 3)


async def test_a_missing_id_that_stays_the_same_is_not_sent_again(erp, sage):
    sage.on_create = refusing("The warehouse with id 61 could not be found.")
    with pytest.raises(PermanentError):
        await erp.place(order(), no_check)
    assert len(sage.creates()) == 1


async def test_a_stale_id_is_not_sent_again_when_the_refused_create_left_something(erp, sage):
    await erp.place(order(key="CEN-1", trace="CEN-1"), no_check)
    sage.tables["products"][0]["id"] = 2001

    def keep_a_draft(request):
        sage.save(request)
        return reply({"Message": "The product with id 1001 could not be found."}, 400)

    sage.on_create = keep_a_draft
    with pytest.raises(InDoubtError):
        await erp.place(order(), no_check)
    assert len(sage.creates()) == 2


@pytest.mark.parametrize("status", [403, 404])
async def test_what_would_refuse_every_order_rests_the_destination(erp, sage, status):
    sage.on_create = refusing("no", status)
    with pytest.raises(DestinationError):
        await erp.place(order(), no_check)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"customer": "NOBODY"}, "E-CUST-UNMAPPED"),
        ({"analysis": {1: "x" * 61}}, "E-FIELD-LENGTH"),
        ({"analysis": {21: "x"}}, "E-FIELD-LENGTH"),
        ({"key": "C" * 21}, "E-FIELD-LENGTH"),
        ({"trace": "C" * 101}, "E-FIELD-LENGTH"),
    ],
)
async def test_what_sage_would_refuse_is_not_sent(erp, sage, changes, code):
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(**changes), no_check)
    assert (refused.value.code, sage.creates()) == (code, [])


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"code": "NOPE"}, "E-SKU-UNKNOWN"),
        ({"tax_code": "77"}, "E-SAGE-CODE"),
        ({"warehouse": "REPAIRS"}, "E-SAGE-CODE"),
        ({"warehouse": ""}, "E-SAGE-CODE"),
        ({"kind": EntryKind.CHARGE, "code": "NOPE"}, "E-SAGE-CODE"),
        ({"kind": EntryKind.FREE_TEXT, "description": "x" * 6001}, "E-FIELD-LENGTH"),
        ({"unit_net": Decimal("0.000001")}, "E-FIELD-LENGTH"),
    ],
)
async def test_a_line_that_sage_would_refuse_is_not_sent(erp, sage, entry, code):
    goods = order().entries[0]
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(entries=(replace(goods, **entry),)), no_check)
    assert (refused.value.code, sage.creates()) == (code, [])


async def test_a_delivery_with_five_lines_is_refused_and_not_cut(erp, sage):
    long = replace(order().delivery, lines=("a", "b", "c", "d", "e"))
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(delivery=long), no_check)
    assert "address_5" in refused.value.detail


async def test_lengths_are_counted_as_sages_database_counts(erp, sage):
    await erp.place(order(delivery=replace(order().delivery, name="👗" * 30)), no_check)
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(delivery=replace(order().delivery, name="👗" * 31)), no_check)
    assert (refused.value.code, len(sage.creates())) == ("E-FIELD-LENGTH", 1)


async def test_half_a_character_does_not_break_the_request(erp, sage):
    await erp.place(order(delivery=replace(order().delivery, city="Lee\ud83d")), no_check)
    assert len(sage.creates()) == 1


async def test_a_field_that_is_too_long_is_named_without_its_text(erp):
    long = replace(order().delivery, name="Ada Shopper " * 6)
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(delivery=long), no_check)
    assert "postal_name" in refused.value.detail
    assert "Ada" not in refused.value.detail


async def test_an_order_beyond_the_stock_is_entered_without_allocation(erp, sage):
    def allocate_nothing(request):
        if "to_allocate_quantity" in sage.creates()[-1]["lines"][0]:
            return reply({"Message": "Insufficient free stock of DRESS-S."}, 400)
        return sage.save(request)

    sage.on_create = allocate_nothing
    made = await erp.place(order(), no_check)
    assert (made.quantities, len(sage.creates())) == ({"DRESS-S": Decimal(2)}, 2)


async def test_a_stock_refusal_without_an_allocation_is_not_repeated(opened, sage):
    erp = await opened(allocate=False)
    sage.on_create = refusing("Insufficient free stock of DRESS-S.")
    with pytest.raises(PermanentError):
        await erp.place(order(), no_check)
    assert len(sage.creates()) == 1


async def test_two_products_with_one_spelling_are_not_chosen_between(erp, sage):
    sage.tables["products"].append({"id": 1009, "code": "dress-s "})
    sage.on_read = lambda request: (
        reply(sage.tables["products"]) if request.url.path.endswith("/products") else None
    )
    with pytest.raises(PermanentError) as refused:
        await erp.place(order(), no_check)
    assert (refused.value.code, sage.creates()) == ("E-SKU-AMBIGUOUS", [])
