"""What a person means: one exception, or all of one cause. The plan and the deed ask the same question."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.near import near
from app.domain.remedy import Ending, Remedy, ending_of, prefill, remedy
from app.ledger import alignment, causes, snapshot, survey
from app.ledger.causes import Connection, Member


@dataclass(frozen=True, slots=True)
class Aim:
    """`case` or `group` (the key of a cause). `through`: of a cause nothing that was opened after this exception, so that
    nothing goes that the plan did not show.
    """

    case: int | None = None
    group: str | None = None
    through: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`going`: what would be settled, in the order in which it came. `through`: send it back to do no more than this."""

    going: tuple[Member, ...]
    through: int

    @property
    def messages(self) -> tuple[int, ...]:
        return tuple(one.message_id for one in self.going if one.message_id is not None and not one.flag)

    @property
    def flags(self) -> int:
        return sum(one.flag for one in self.going)


@dataclass(frozen=True, slots=True)
class Mending:
    """What may be done, and with `remedy.table` the row that a person has to complete. `near`: codes of the ERP's that look
    like one that nobody knows.
    """

    remedy: Remedy
    row: dict[str, str]
    near: tuple[str, ...] = ()


async def members(conn: Connection, aim: Aim) -> list[Member]:
    if aim.case is not None:
        return await causes.member(conn, aim.case)
    return await causes.members(conn, aim.group or "", aim.through)


async def plan(conn: Connection, aim: Aim) -> Plan:
    going = tuple(await members(conn, aim))
    return Plan(going, max((one.case_id for one in going), default=0))


def endings(going: Sequence[Member]) -> list[Ending]:
    return [ending_of(one.kind, one.cls, flag=one.flag) for one in going]


async def mend_group(pool: asyncpg.Pool, group: causes.CaseGroup) -> Mending:
    """The row is that of the oldest order."""
    going = await members(pool, Aim(group=group.key))
    found = remedy(group.code, group.need, endings(going))
    if found.table is None or not going:
        return Mending(found, {})
    # The cause's field has lost its line, and its value its day: neither is asked for.
    return await _mending(pool, found, going[0], (group.field, group.value))


async def mend_case(pool: asyncpg.Pool, case: survey.CaseRow) -> Mending:
    """By its first violation that a row would mend, else by the first."""
    going = await members(pool, Aim(case=case.id))
    told = next((one for one in case.violations if one.get("need")), None) or {}
    found = remedy(case.code, told.get("need"), endings(going))
    if found.table is None or not going:
        return Mending(found, {})
    return await _mending(pool, found, going[0], (told.get("field", ""), told.get("value", "")))


async def _mending(pool: asyncpg.Pool, found: Remedy, one: Member, wrong: tuple[str, str]) -> Mending:
    refs = [one.order_ref] if one.order_ref is not None else []
    taken = (await snapshot.read(pool, one.source, refs)).get(one.order_ref or "")
    row = prefill(found.table or "", *wrong, one.source, taken.order if taken else None)
    if found.table != "sku_aliases" or one.destination is None:
        return Mending(found, row)
    return Mending(found, row, near(row["alias"], await alignment.codes(pool, one.destination)))
