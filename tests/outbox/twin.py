"""Postgres beside the model: does what the model did, then everything that can be seen of either must be equal."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import asyncpg

from app.db.session import open_pool
from app.domain.message import Claimed, Draft, Outcome
from app.outbox import settle as settling
from app.outbox.claim import renew
from app.outbox.intend import Intent, intend
from app.outbox.repair import repair
from app.outbox.replay import release, replay
from app.outbox.rescue import rescue
from app.outbox.room import Want
from app.outbox.tickets import MovedError
from app.outbox.verdict import Rules
from app.outbox.withdraw import impatient, step_aside
from tests.outbox.crowd import drain
from tests.outbox.engine import Engine
from tests.outbox.model import ALWAYS, Answer, Message, Model
from tests.outbox.model_settle import Said, Wish
from tests.outbox.walk import DELAY, Walk, walk

NEVER = datetime.max.replace(tzinfo=ALWAYS.tzinfo)
TABLES = (
    "message, message_state, receipt, attempt, ticket, lane, idempotency_key, key_conflict, intent, exception_case, "
    "dirty_sku, destination"
)


class Postgres:
    """Every call stands on its own; `now` and the dice are the model's."""

    def __init__(self, runner: asyncio.Runner, pool: asyncpg.Pool, model: Model) -> None:
        self.runner = runner
        self.pool = pool
        self.model = model
        self.engine = Engine(pool)
        self.engine.rng = model.rng
        self.ids: dict[str, int] = {}
        self.claimed: dict[tuple[str, int], Claimed] = {}
        self.run(pool.execute(f"TRUNCATE {TABLES}"))

    def run(self, verb: Coroutine[Any, Any, Any]) -> Any:
        self.engine.now = self.model.now
        return self.runner.run(verb)

    def append(self, drafts: list[Draft], expected: list[Answer]) -> None:
        answers = self.run(self.engine.append(*drafts))
        for answer, wanted in zip(answers, expected, strict=True):
            assert (answer.duplicate, answer.conflict) == (wanted.duplicate, wanted.conflict), (
                answer,
                wanted,
            )
            assert self.ids.setdefault(wanted.name, answer.message_id) == answer.message_id, (
                f"{answer} {wanted} {self.ids}"
            )

    def claim(self, want: Want, slots: int, expected: list[Message]) -> None:
        taken = self.run(self.engine.claim(want, slots=slots))
        assert [name_of(one) for one in taken] == [message.name for message in expected]
        tokens = [message.token or 0 for message in expected]
        same = {(one.token, token) for one, token in zip(taken, tokens, strict=True)}
        assert len(same) == len({one.token for one in taken}) == len(set(tokens))
        assert [one.in_doubt for one in taken] == [message.probing for message in expected]
        self.claimed |= {(name_of(one), token): one for one, token in zip(taken, tokens, strict=True)}

    def settle(self, says: list[Said], wishes: list[Wish], *, expected: set[str] | None) -> None:
        outcomes = [
            Outcome(self.claimed[said.message, said.token], said.verdict, said.follow_ups) for said in says
        ]
        changes = [settling.Change(self.ids[w.message], amend=w.amend, end=w.end) for w in wishes]
        settled = self.run(self._settle(outcomes, changes))
        assert (settled is None) == (expected is None)
        assert settled is None or settled.enterable or not expected

    async def _settle(
        self, outcomes: list[Outcome], changes: list[settling.Change]
    ) -> settling.Settled | None:
        rules = Rules(self.engine.now, self.engine.rng, self.engine.patience)
        try:
            async with self.pool.acquire() as conn, conn.transaction():
                return await settling.settle(conn, outcomes, changes, rules)
        except MovedError:
            return None

    def intend(self, message: str, token: int, *, expected: bool) -> None:
        one = self.claimed[message, token]
        ours = self.run(intend(self.pool, [Intent(one, "place", message, b"digest")]))
        assert ours == ({one.id} if expected else set())

    def renew(self, token: int, until: datetime) -> None:
        tokens = {one.token for (_, held), one in self.claimed.items() if held == token}
        self.run(renew(self.pool, sorted(tokens), until))

    def enter(self, expected: int) -> None:
        assert self.run(self.engine.enter()) == expected

    def lose_patience(self, expected: int) -> None:
        before = self.model.now - self.model.patience
        ids = self.run(impatient(self.pool, before))
        assert self.run(step_aside(self.pool, ids, "in_doubt")) == expected

    def rescue(self, expected: int) -> None:
        assert self.run(rescue(self.pool, self.model.now, settle_delay=DELAY)) == expected

    def release(self, lanes: dict[str, tuple[str, ...] | None], expected: list[str]) -> None:
        given = {self.ids[name]: new for name, new in lanes.items()}
        assert self.run(self._inside(release, given)) == sorted(self.ids[name] for name in expected)

    def replay(self, message: str, lanes: tuple[str, ...], *, expected: bool) -> None:
        number = self.ids[message]
        assert self.run(self._inside(replay, {number: lanes})) == ([number] if expected else [])

    async def _inside(self, verb: Any, given: Any) -> Any:
        async with self.pool.acquire() as conn, conn.transaction():
            return await verb(conn, given)

    def compare(self, model: Model) -> None:
        assert self.run(repair(self.pool)) == 0
        rows, lanes, dirty, conflicts = self.run(self._look())
        self.ids = {row["name"]: row["number"] for row in rows}
        arrived = sorted(model.messages.values(), key=lambda message: message.number)
        assert [row["name"] for row in rows] == [message.name for message in arrived]
        for row, message in zip(rows, arrived, strict=True):
            is_, ought = seen(row), foreseen(model, message)
            assert is_ == ought, f"{message.name}: {set(is_.items()) ^ set(ought.items())}"
        assert lanes == model.lanes, f"{lanes} {model.lanes}"
        assert model.dirty <= dirty
        assert conflicts == len(model.conflicts)

    def end(self) -> None:
        """All goes well from now on: then nothing is left."""
        assert self.run(drain(self.engine)) == []

    async def _look(self) -> tuple[list[asyncpg.Record], dict[str, list[str]], set[str], int]:
        rows = await self.pool.fetch(
            """
            SELECT m.id AS number, coalesce(m.key, m.body ->> 'name') AS name, coalesce(s.state, r.result) AS word, s.*,
                   s.id IS NOT NULL AND r.message_id IS NOT NULL AS twice,
                   (SELECT count(*) FROM exception_case AS c WHERE c.message_id = m.id AND closed_at IS NULL) AS cases
            FROM message AS m LEFT JOIN message_state AS s ON s.id = m.id LEFT JOIN receipt AS r ON r.message_id = m.id
            ORDER BY m.id
            """
        )
        names = {row["number"]: row["name"] for row in rows}
        places = await self.pool.fetch(
            "SELECT lane, message_id, key FROM ticket LEFT JOIN lane ON key = lane ORDER BY lane, ticket"
        )
        lanes: dict[str, list[str]] = {}
        for place in places:
            assert place["key"] is not None, "tickets in a lane that nobody can lock"
            lanes.setdefault(place["lane"], []).append(names[place["message_id"]])
        others = await self.pool.fetchrow(
            "SELECT ARRAY(SELECT sku FROM dirty_sku) AS dirty, (SELECT count(*) FROM key_conflict) AS conflicts"
        )
        return rows, lanes, set(others["dirty"]), others["conflicts"]


def beside(runner: asyncio.Runner, url: str, number: int, *, steps: int) -> int:
    """Walks until so many steps were taken; answers how many. Each stretch has a seed of its own, from `number` on."""
    opened = open_pool(url, size=1)
    pool = runner.run(opened.__aenter__())

    class Beside(Walk):
        def meet(self) -> Postgres:
            return Postgres(runner, pool, self.model)

    taken = 0
    try:
        while taken < steps:
            taken += walk(Beside, number, walks=10, steps=60, shrink=False)
            number += 1
        return taken
    finally:
        runner.run(opened.__aexit__(None, None, None))


def name_of(message: Claimed) -> str:
    return message.key or str(message.body["name"])


def seen(row: asyncpg.Record) -> dict[str, object]:
    """What a row says; times without end as the model has them."""
    assert not row["twice"]
    view = {"state": row["word"], "cases": row["cases"]}
    if row["state"] is None:
        return view
    due = {1: ALWAYS, 9999: NEVER}.get(row["due_at"].year, row["due_at"])
    waits = row["state"] == "waiting" and row["entered"]
    return view | {
        "due": due,
        "entered": row["entered"],
        "blockers": row["blockers"] if waits else 0,
        "lanes": tuple(row["lanes"]),
        "order": row["order_lane"],
        "stands": row["ticket"] is not None,
        "attempts": row["attempts"],
        "failed": row["failed_since"],
        "doubt": (row["doubt_since"], round(row["waited"], 6), row["probes"], row["send_begun"]),
        "aside": row["aside"],
        "lease": row["lease_until"],
        "held": row["token"] is not None,
    }


def foreseen(model: Model, message: Message) -> dict[str, object]:
    view: dict[str, object] = {"state": model.word(message), "cases": int(message.state == "parked")}
    if message.done:
        return view
    rests = message.state == "open" and not message.entered and model.behind(message)
    return view | {
        "due": NEVER if rests else message.due,
        "entered": message.entered,
        "blockers": model.blockers(message) if model.word(message) == "waiting" else 0,
        "lanes": message.lanes,
        "order": message.order,
        "stands": message.ticket is not None,
        "attempts": message.attempts,
        "failed": message.failed_since,
        "doubt": (message.doubt_since, round(message.waited, 6), message.probes, message.sent),
        "aside": message.aside,
        "lease": message.lease_until,
        "held": message.token is not None,
    }
