"""What the ERP did with a create, what the message does about it, and how it ends: the whole table (outbox.md 6.3, 6.4).

The ERP has its own server time-out of 180 s, so what it was told may come true that late; the quarantine is 300 s.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import pytest

from app.domain.erp import Document, DocumentStanding, SalesOrder
from app.domain.errors import DestinationError, InDoubtError, PermanentError, SnoozeError, TransientError
from app.domain.posting import plan
from tests.domain.shop import FACTS, OPTIONS, make_mappings
from tests.flows.stage import BOOKS, SHOP, Books, Clock, Stage, document_of, order_of

NEVER, SERVER_TIMEOUT, QUARANTINE = float("inf"), 180.0, 300.0
NO_ANSWER, NOT_SENT = InDoubtError("read timeout"), DestinationError("connection refused")
STEP = 10.0


@dataclass(frozen=True)
class Create:
    """What becomes of one create. `made`, `seen`: seconds until the document exists and until a search finds it. `raises`:
    the answer. `left`: what is there in its stead.
    """

    raises: Exception | None = None
    made: float = 0.0
    seen: float = 0.0
    left: Callable[[Document], Document] = lambda document: document


@dataclass
class Sage(Books):
    """Books with a clock: what it was told may come true, or be found, later. `looks`: the moments of probes."""

    clock: Clock = field(default_factory=Clock)
    creates: list[Create] = field(default_factory=list)
    later: list[tuple[float, str, Document]] = field(default_factory=list)
    sends: list[datetime] = field(default_factory=list)
    unanswered: list[datetime] = field(default_factory=list)

    async def place(self, order: SalesOrder, last_check: Callable[[], None]) -> Document:
        last_check()
        self.sends.append(self.clock())
        create = self.creates.pop(0) if self.creates else Create()
        document = create.left(document_of(order, 1000 + len(self.sends)))
        self.later.append((max(create.made, create.seen) + self.clock().timestamp(), order.key, document))
        if isinstance(create.raises, InDoubtError):
            self.unanswered.append(self.clock())
        if create.raises is not None:
            raise create.raises
        return document

    def gaps(self) -> list[float]:
        """Seconds from each send without an answer to the next send."""
        pairs = itertools.pairwise(self.sends)
        return [(after - before).total_seconds() for before, after in pairs if before in self.unanswered]

    def settle(self) -> None:
        """What is due by now can be found."""
        due = [one for one in self.later if one[0] <= self.clock().timestamp()]
        self.later = [one for one in self.later if one not in due]
        for _, key, document in due:
            self.documents[key] = (*self.documents.get(key, ()), document)

    async def probe(self, keys):
        self.settle()
        return await super().probe(keys)


Deed = Callable[[Sage], None]
"""What a person does in the ERP."""


@dataclass(frozen=True)
class Row:
    """`before`: what is in the ERP already. `looks`: what the probes meet that ask the question. `deeds`: (seconds after
    the send, a deed). `then`: of a person who presses "retry" once it is parked. `course`: every state that the message
    was seen in. `sends`, `documents`: how many creates, and live documents in the end.
    """

    what: str
    creates: Sequence[Create] = ()
    before: Callable[[Document], Sequence[Document]] = lambda _: ()
    looks: Sequence[Exception] = ()
    deeds: Sequence[tuple[float, Deed]] = ()
    then: Deed | None = None
    course: str = "in_doubt applied"
    code: str = ""
    sends: int = 1
    documents: int = 1


def change(**changes: object) -> Deed:
    """Of all documents there are."""

    def do(sage: Sage) -> None:
        for key, found in sage.documents.items():
            sage.documents[key] = tuple(replace(document, **changes) for document in found)

    return do


def delete(sage: Sage) -> None:
    sage.documents.clear()


def copy(sage: Sage) -> None:
    for key, found in sage.documents.items():
        sage.documents[key] = (*found, replace(found[0], id=7, number="SO7"))


def keep_one(sage: Sage) -> None:
    for key, found in sage.documents.items():
        sage.documents[key] = found[:1]


def cancel_all_but_one(sage: Sage) -> None:
    for key, (first, *others) in sage.documents.items():
        cancelled = [replace(one, standing=DocumentStanding.CANCELLED) for one in others]
        sage.documents[key] = (first, *cancelled)


draft = lambda document: replace(document, standing=DocumentStanding.DRAFT)
other_goods = {"quantities": {"DRESS": Decimal(1)}}
other_money = {"net": Decimal("20.01"), "gross": Decimal("24.01")}
LOST, GONE = Create(NO_ANSWER), Create(NO_ANSWER, made=NEVER)
ROWS = (
    Row("answers", [Create()], course="applied"),
    Row("refuses the connection", [Create(NOT_SENT, made=NEVER)], course="ready applied", sends=2),
    Row("resets before it reads", [Create(TransientError("429"), made=NEVER)], course="ready applied", sends=2),
    Row("is locked", [Create(SnoozeError("locked", 5), made=NEVER)], course="waiting applied", sends=2),
    Row("refuses", [Create(PermanentError("E-CUST", "hold"), made=NEVER)], course="parked", code="E-CUST", documents=0),
    Row("commits and drops the connection", [LOST]),
    *(
        Row(f"drops the connection and commits {seconds:g} s later", [Create(NO_ANSWER, made=seconds)])
        for seconds in (0.5, 5, 11, 31, 60, 120, SERVER_TIMEOUT)
    ),
    *(
        Row(f"commits, and no search finds it for {seconds:g} s", [Create(NO_ANSWER, seen=seconds)])
        for seconds in (5, 60, SERVER_TIMEOUT)
    ),
    Row("never commits", [GONE], sends=2),
    Row("never commits, twice", [GONE, GONE], sends=3),
    Row("never commits, then commits and drops", [GONE, LOST], sends=2),
    Row("never commits, then refuses the connection", [GONE, Create(NOT_SENT, made=NEVER)], course="in_doubt ready applied", sends=3),
    Row("fails inside the gateway once it has answered", [Create(KeyError("document_no"))]),
    Row(
        "leaves a draft",
        [Create(NO_ANSWER, left=draft)],
        course="in_doubt parked",
        code="E-SAGE-DRAFT",
        documents=0,
    ),
    Row(
        "leaves a draft that is deleted",
        [Create(NO_ANSWER, left=draft)],
        then=delete,
        course="in_doubt parked in_doubt applied",
        sends=2,
    ),
    Row(
        "leaves a draft that is completed",
        [Create(NO_ANSWER, left=draft)],
        then=change(standing=DocumentStanding.LIVE),
        course="in_doubt parked applied",
    ),
    Row("commits, and a user deletes it", [LOST], deeds=[(5, delete)], sends=2),
    Row(
        "commits, and a user cancels it",
        [LOST],
        deeds=[(5, change(standing=DocumentStanding.CANCELLED))],
        course="in_doubt parked",
        code="E-SAGE-CANCELLED",
        documents=0,
    ),
    Row(
        "commits, and a user changes its goods",
        [LOST],
        deeds=[(5, change(**other_goods))],
        course="in_doubt parked",
        code="E-DUP-CONTENT",
    ),
    Row(
        "commits, and a user changes its goods and back",
        [LOST],
        deeds=[(5, change(**other_goods))],
        then=change(quantities={"TEE": Decimal(1)}),
        course="in_doubt parked applied",
    ),
    Row(
        "commits with other totals",
        [LOST],
        deeds=[(5, change(**other_money))],
        code="E-TOTAL-MISMATCH",
    ),
    Row("commits twice", [LOST], deeds=[(5, copy)], course="in_doubt parked", code="E-DUP-EXISTING", documents=2),
    Row(
        "commits twice, and one is cancelled",
        [LOST],
        deeds=[(5, copy)],
        then=cancel_all_but_one,
        course="in_doubt parked applied",
    ),
    Row(
        "commits twice, and one is deleted", [LOST], deeds=[(5, copy)], then=keep_one, course="in_doubt parked applied"
    ),
    Row("commits and cannot be asked at first", [LOST], looks=[TransientError("504"), DestinationError("503")]),
    Row("commits and is shut at first", [LOST], looks=[SnoozeError("closed", 60)]),
    Row("never commits and cannot be asked for long", [GONE], looks=[TransientError("504")] * 9, sends=2),
    Row(
        "never commits and must not be asked",
        [GONE],
        looks=[PermanentError("E-PERMISSION", "sop_orders")],
        course="in_doubt parked",
        code="E-PERMISSION",
        documents=0,
    ),
    Row(
        "commits and must not be asked until a person allows it",
        [LOST],
        looks=[PermanentError("E-PERMISSION", "sop_orders")],
        then=lambda _: None,
        course="in_doubt parked applied",
    ),
    Row("has it already", before=lambda ours: [ours], course="applied", sends=0),
    Row("has a draft of it already", before=lambda ours: [draft(ours)], course="parked", code="E-SAGE-DRAFT", sends=0, documents=0),
    Row(
        "has it already, cancelled",
        before=lambda ours: [replace(ours, standing=DocumentStanding.CANCELLED)],
        course="parked",
        code="E-SAGE-CANCELLED",
        sends=0,
        documents=0,
    ),
    Row(
        "has other goods under its reference",
        before=lambda ours: [replace(ours, **other_goods)],
        course="parked",
        code="E-DUP-CONTENT",
        sends=0,
    ),
    Row(
        "has other money under its reference",
        before=lambda ours: [replace(ours, **other_money)],
        course="parked",
        code="E-DUP-CONTENT",
        sends=0,
    ),
    Row(
        "has it twice already",
        before=lambda ours: [ours, replace(ours, id=8)],
        course="parked",
        code="E-DUP-EXISTING",
        sends=0,
        documents=2,
    ),
)  # fmt: skip
"""Each ends with one live document, or with a person who was told why not."""


@dataclass
class Play:
    stage: Stage
    sage: Sage
    course: list[str] = field(default_factory=list)

    async def look(self) -> None:
        """One claim at the ERP; the message's state is noted where it differs from the last one seen."""
        self.sage.settle()
        await self.stage.drain(BOOKS)
        now = (await self.stage.ends())["place 1"]
        if [now] != self.course[-1:]:
            self.course.append(now)

    async def let(self, seconds: float, row: Row) -> None:
        """Time passes, a look every ten seconds; looks in doubt fail as the row says."""
        deeds, passed = list(row.deeds), 0.0
        while passed < seconds and self.course[-1] not in {"applied", "parked"}:
            self.stage.later(STEP / 2)
            self.sage.settle()
            passed += STEP / 2
            while deeds and deeds[0][0] <= passed:
                deeds.pop(0)[1](self.sage)
            await self.look()


async def play(stage: Stage, row: Row) -> Play:
    sage = Sage(clock=stage.clock, creates=list(row.creates))
    stage = replace(stage, books=sage, ctx=replace(stage.ctx, erp=sage.erp()))
    ours = document_of(plan(order_of("1"), make_mappings(), FACTS, OPTIONS), 7)
    if there := tuple(row.before(ours)):
        sage.documents["CEN-1"] = there
    played = Play(stage, sage)
    await stage.tell(order_of("1"))
    await stage.drain(SHOP)
    await played.look()
    sage.probe_fails = list(row.looks)
    await played.let(1500, row)
    if row.then is not None:
        row.then(sage)
        await stage.retry_all()
        await played.look()
        await played.let(1500, replace(row, deeds=()))
    return played


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
async def test_sage(stage: Stage, row: Row) -> None:
    played = await play(stage, row)
    played.sage.settle()
    live = [one for one in played.sage.documents.get("CEN-1", ()) if one.standing is DocumentStanding.LIVE]
    assert (" ".join(played.course), await played.stage.cases(), len(played.sage.sends), len(live)) == (
        *(row.course, [row.code] if row.code else [], row.sends, row.documents),
    )
    assert await stage.pool.fetchval("SELECT count(*) FROM binding") == row.course.endswith("applied")
    assert all(gap >= QUARANTINE for gap in played.sage.gaps())
