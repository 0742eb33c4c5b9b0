"""What a verdict means for a message that is not done: its next state, when, and whether it leaves its lanes. Pure."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.message import InDoubt, Owner, Park, Retry, Sick, Snooze, Violation


@dataclass(frozen=True, slots=True)
class Rules:
    """`now` UTC; times in seconds. A head that will not be due within `patience` of its first failure steps aside."""

    now: datetime
    rng: random.Random
    patience: float = 30.0
    backoff: float = 1.0
    backoff_most: float = 300.0

    def wait(self, attempts: int) -> float:
        """Seconds before the next attempt: doubling, with jitter of half."""
        full = min(self.backoff_most, self.backoff * 2.0 ** min(attempts - 1, 20))
        return full * (0.5 + self.rng.random() / 2)


@dataclass(frozen=True, slots=True)
class Rest:
    """`leaves`: gives up its `sku:` tickets; `free`: the attempt does not count; `aside`: why it left, if it must
    come back by itself; `waited`: of the quarantine, when it is due; `locked_since`: of a person's lock that it waits for.
    """

    state: str
    due_at: datetime
    note: str
    leaves: bool = False
    free: bool = False
    aside: str | None = None
    failed_since: datetime | None = None
    doubt_since: datetime | None = None
    waited: float = 0.0
    probes: int = 0
    send_begun: bool = False
    lanes: tuple[str, ...] | None = None
    locked_since: datetime | None = None


def exhausted(
    attempts: int, received_at: datetime, rules: Rules, most: tuple[int, float]
) -> Violation | None:
    """`most`: attempts, hours. A message that only ever fails is given to a person."""
    hours = (rules.now - received_at).total_seconds() / 3600
    if attempts < most[0] and hours < most[1]:
        return None
    fix = "read the attempts, mend the cause, then retry"
    return Violation("E-RETRIES-EXHAUSTED", "attempts", str(attempts), fix, Owner.SRE)


def rest(row: Any, verdict: Park | InDoubt | Sick | Snooze | Retry, rules: Rules) -> Rest:
    """`row`: the message's state row as it was leased. Sick: the destination failed, so the message keeps its place."""
    if isinstance(verdict, Park):
        return _parked(row, verdict, rules)
    if isinstance(verdict, InDoubt):
        return _in_doubt(row, verdict, rules)
    if row["doubt_since"] is not None:
        return _still_in_doubt(row, verdict, rules)
    if isinstance(verdict, Retry) and verdict.blind and row["send_begun"]:
        return _in_doubt(row, InDoubt(verdict.error, rules.wait(1)), rules)
    if isinstance(verdict, Sick):
        free, since = not verdict.counts, row["failed_since"]
        locked = row["locked_since"]
        return Rest("ready", row["due_at"], verdict.error, free=free, failed_since=since, locked_since=locked)
    if isinstance(verdict, Snooze):
        return _later(row, verdict, verdict.seconds, rules)
    seconds = verdict.seconds if verdict.seconds is not None else rules.wait(row["attempts"])
    return _later(row, verdict, seconds, rules)


def _parked(row: Any, verdict: Park, rules: Rules) -> Rest:
    """A question that was not answered is asked again once a person lets it go; what is there is not unsent."""
    open_ = row["doubt_since"] is not None and verdict.there is not False
    return Rest(
        "parked",
        rules.now,
        ", ".join(violation.code for violation in verdict.violations),
        leaves=True,
        aside="parked" if row["ticket"] is not None else None,
        doubt_since=row["doubt_since"] if open_ else None,
        waited=row["waited"] if open_ else 0.0,
        probes=row["probes"] if open_ else 0,
        send_begun=open_ or verdict.there is True,
    )


def _since(row: Any, rules: Rules) -> datetime:
    """Of the first failure at the head; a clock that goes back must not lengthen the patience."""
    return min(row["failed_since"] or rules.now, rules.now)


def _later(row: Any, verdict: Retry | Snooze, seconds: float, rules: Rules) -> Rest:
    since = _since(row, rules)
    due = rules.now + timedelta(seconds=seconds)
    snoozed = isinstance(verdict, Snooze)
    note = verdict.reason if isinstance(verdict, Snooze) else verdict.error
    at_once = isinstance(verdict, Snooze) and verdict.aside
    locked = row["locked_since"]
    if isinstance(verdict, Snooze) and verdict.locked:
        locked = min(locked or rules.now, rules.now)
    if isinstance(verdict, Snooze) and verdict.lanes is not None:
        edited = Rest("waiting", due, note, leaves=True, free=True, aside="edited", lanes=verdict.lanes)
        return replace(edited, locked_since=locked)
    holds = row["ticket"] is not None and any(lane.startswith("sku:") for lane in row["lanes"])
    if holds and (at_once or due > since + timedelta(seconds=rules.patience)):
        why = "locked" if at_once else "retry"
        return Rest("waiting", due, note, leaves=True, free=snoozed, aside=why, locked_since=locked)
    state = "ready" if row["entered"] else "waiting"
    return Rest(state, due, note, free=snoozed, failed_since=since, locked_since=locked)


def _still_in_doubt(row: Any, verdict: Retry | Snooze | Sick, rules: Rules) -> Rest:
    """A probe that could not be asked proves nothing: the question stays open and no probe is counted. It is asked again
    soon, however often the message was tried before; while the destination is ill, its rest is wait enough.
    """
    told = 0.0 if isinstance(verdict, Sick) else verdict.seconds
    seconds = told if told is not None else rules.wait(row["probes"] + 1)
    return Rest(
        "in_doubt",
        rules.now + timedelta(seconds=seconds),
        getattr(verdict, "error", "") or getattr(verdict, "reason", ""),
        free=True,
        failed_since=row["failed_since"],
        doubt_since=row["doubt_since"],
        waited=row["waited"] + seconds,
        probes=row["probes"],
        send_begun=True,
    )


def _in_doubt(row: Any, verdict: InDoubt, rules: Rules) -> Rest:
    since = _since(row, rules)
    if not verdict.resend:
        return Rest(
            "in_doubt",
            rules.now + timedelta(seconds=verdict.seconds),
            verdict.error,
            free=row["doubt_since"] is not None,
            failed_since=since,
            doubt_since=row["doubt_since"] or rules.now,
            waited=row["waited"] + verdict.seconds,
            probes=row["probes"] + (1 if row["doubt_since"] is not None else 0),
            send_begun=True,
        )
    if row["entered"]:
        return Rest("ready", rules.now, verdict.error, failed_since=since)
    return Rest("waiting", rules.now, verdict.error)
