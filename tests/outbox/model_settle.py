"""What a verdict does to a message of the model, and how those that ended or are parked come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.message import Done, Draft, InDoubt, MessageClass, Park, Result, Retry, Sick, Snooze, Verdict
from tests.outbox.model import ALWAYS, OVERTAKEN, Message, Model


class ModelMovedError(Exception):
    """What was to be settled is not ours any more, or what was to be changed may have been sent."""


@dataclass(frozen=True)
class Said:
    """What a worker says of a message that it claimed under `token`."""

    message: str
    token: int
    verdict: Verdict
    follow_ups: tuple[Draft, ...] = ()


@dataclass(frozen=True)
class Wish:
    """`amend`: lanes to enter instead; else `end` it, if given."""

    message: str
    amend: tuple[str, ...] | None = None
    end: Done | None = None


def settle(model: Model, says: Sequence[Said], wishes: Sequence[Wish] = ()) -> None:
    """All of it or nothing."""
    _check(model, says, wishes)
    for said in says:
        message = model.messages[said.message]
        younger = [m for m in model.alike(message) if m.number > message.number]
        if isinstance(said.verdict, Done):
            _serve(model, message, said.verdict)
        elif younger:
            model.end(message, OVERTAKEN)
        else:
            _rest(model, message, said.verdict)
    for wish in wishes:
        _change(model, wish)
    model.append([draft for said in says for draft in said.follow_ups])


def _check(model: Model, says: Sequence[Said], wishes: Sequence[Wish]) -> None:
    ours = [model.messages[said.message] for said in says]
    others = [model.messages[wish.message] for wish in wishes]
    lost = any(m.state != "leased" or m.token != said.token for m, said in zip(ours, says, strict=True))
    if lost or any(m.state not in {"open", "parked"} or m.sent for m in others):
        raise ModelMovedError


def _serve(model: Model, message: Message, verdict: Done) -> None:
    if message.ticket is not None:
        for lane in message.lanes:
            model.served.setdefault(lane, []).append(message.ticket)
    model.end(message, verdict)


def _change(model: Model, wish: Wish) -> None:
    message = model.messages[wish.message]
    if wish.end is not None:
        model.end(message, wish.end)
    elif wish.amend is not None:
        model.withdraw(message)
        message.state, message.lanes, message.due = "open", wish.amend, ALWAYS
        message.failed_since, message.aside = None, "edited"


def _rest(model: Model, message: Message, verdict: Retry | Snooze | Sick | Park | InDoubt) -> None:
    message.token = message.lease_until = None
    if isinstance(verdict, Park):
        _park(model, message, verdict)
    elif isinstance(verdict, InDoubt):
        _doubt(model, message, verdict)
    elif message.doubt_since is not None:
        _still_in_doubt(model, message, verdict)
    elif isinstance(verdict, Retry) and verdict.blind and message.sent:
        _doubt(model, message, InDoubt(verdict.error, wait(model, 1)))
    else:
        _again(model, message, verdict)


def wait(model: Model, attempts: int) -> float:
    """Doubling from a second to five minutes, with jitter of half."""
    return float(min(300, 2 ** (attempts - 1))) * (0.5 + model.rng.random() / 2)


def _park(model: Model, message: Message, verdict: Park) -> None:
    """A question that was open when it was parked is still open when it comes back."""
    if message.doubt_since is None or verdict.there is False:
        message.doubt_since, message.probes, message.sent = None, 0, verdict.there is True
        message.waited = 0.0
    model.step_aside(message, "parked")
    message.state, message.due, message.failed_since = "parked", model.now, None


def _doubt(model: Model, message: Message, verdict: InDoubt) -> None:
    message.due = model.now + timedelta(seconds=0 if verdict.resend else verdict.seconds)
    if verdict.resend:
        message.failed_since = (message.failed_since or model.now) if message.entered else None
        message.state, message.doubt_since, message.probes, message.sent = "open", None, 0, False
        message.waited = 0.0
        return
    message.failed_since = message.failed_since or model.now
    message.state, message.sent = "in_doubt", True
    message.waited += verdict.seconds
    if message.doubt_since is None:
        message.doubt_since = model.now
    else:
        message.probes, message.attempts = message.probes + 1, message.attempts - 1


def _still_in_doubt(model: Model, message: Message, verdict: Retry | Snooze | Sick) -> None:
    """A probe that could not be asked proves nothing."""
    seconds = 0.0 if isinstance(verdict, Sick) else verdict.seconds
    seconds = wait(model, message.probes + 1) if seconds is None else seconds
    message.state, message.sent, message.attempts = "in_doubt", True, message.attempts - 1
    message.due = model.now + timedelta(seconds=seconds)
    message.waited += seconds


def _again(model: Model, message: Message, verdict: Retry | Snooze | Sick) -> None:
    message.state, message.sent = "open", False
    if isinstance(verdict, Sick):
        message.attempts -= 0 if verdict.counts else 1
        return
    seconds = wait(model, message.attempts) if verdict.seconds is None else verdict.seconds
    message.due = model.now + timedelta(seconds=seconds)
    snooze = verdict if isinstance(verdict, Snooze) else None
    message.attempts -= 1 if snooze else 0
    if snooze and snooze.lanes is not None:
        model.step_aside(message, "edited")
        message.lanes, message.aside, message.failed_since = snooze.lanes, "edited", None
        return
    since = message.failed_since or model.now
    locked = snooze is not None and snooze.aside
    holds = message.ticket is not None and any(lane.startswith("sku:") for lane in message.lanes)
    if holds and (locked or message.due > since + model.patience):
        model.step_aside(message, "locked" if locked else "retry")
        message.failed_since = None
    else:
        message.failed_since = since


def lose_patience(model: Model) -> int:
    """Those in doubt that have stood in their lanes too long leave them."""
    held = [m for m in model.of("in_doubt") if m.ticket is not None]
    late = [m for m in held if m.failed_since is not None and m.failed_since < model.now - model.patience]
    for message in late:
        model.step_aside(message, "in_doubt")
    return len(late)


def release(model: Model, lanes: Mapping[str, tuple[str, ...] | None]) -> list[str]:
    """Parked messages come back as what they were: a question, or something to do. A state comes back only if nothing
    newer came meanwhile, and that is seen to when the newer one comes.
    """
    released = [m for m in model.of("parked") if m.name in lanes]
    for message in released:
        message.state = "in_doubt" if message.doubt_since is not None else "open"
        message.entered = message.draft.cls is MessageClass.NOTICE
        message.due, message.attempts, message.failed_since = ALWAYS, 0, None
        new = lanes[message.name]
        message.lanes = message.lanes if new is None else new
    return [message.name for message in released]


def replay(model: Model, name: str, lanes: tuple[str, ...]) -> bool:
    """A done message is worked again, last in its order. A state is not: the next one heals it."""
    old = model.messages[name]
    if not old.done or old.draft.cls is MessageClass.STATE:
        return False
    notice = old.draft.cls is MessageClass.NOTICE
    model.messages[name] = Message(name, old.number, old.draft, old.order, lanes, ALWAYS, entered=notice)
    if old.order is not None:
        model.stand(model.messages[name], [old.order])
    return True


def faults(model: Model) -> list[str]:
    """Which of its promises the model breaks: none, or it is no model."""
    found = []
    flying = [m for m in model.of("leased") if not m.probing]
    lanes = [lane for m in flying for lane in (*m.lanes, m.order) if lane is not None]
    if len(lanes) != len(set(lanes)):
        found.append("two in flight share a lane")
    standing: dict[str, list[str]] = {}
    for lane, queue in model.lanes.items():
        for name in queue:
            standing.setdefault(name, []).append(lane)
    for message in model.open():
        places = standing.get(message.name, [])
        found += [f"{message.name}: {fault}" for fault in _faults(model, message, places)]
    if any(model.messages[name].done for name in standing):
        found.append("what is done still stands")
    if any(tickets != sorted(tickets) for tickets in model.served.values()):
        found.append("a lane was served out of order")
    if len(model.messages) != model.numbers:
        found.append("something was lost")
    return found


def _faults(model: Model, message: Message, places: list[str]) -> list[str]:
    order = [] if message.order is None else [message.order]
    due = [*order, *(message.lanes if message.ticket is not None else ())]
    found = [] if sorted(places) == sorted(due) else [f"stands in {places}, not in {due}"]
    flies = message.state == "leased" and not message.probing
    if flies and (model.behind(message) or model.blockers(message)):
        found.append("in flight and not at the head")
    if message.ticket is not None and model.behind(message):
        found.append("waits for its order and holds a lane")
    holds = message.ticket is not None and any(lane.startswith("sku:") for lane in message.lanes)
    since = message.failed_since or model.now
    if holds and message.state == "open" and message.due > max(model.now, since + model.patience):
        found.append("holds a lane beyond patience")
    return found


def drain(model: Model, turns: int = 200) -> bool:
    """Everything goes well from now on; answers whether nothing is left."""
    for _ in range(turns):
        model.now += timedelta(seconds=400)
        release(model, {m.name: None for m in model.of("parked")})
        model.rescue(timedelta(seconds=1))
        model.enter()
        for message in model.open():
            if message.state == "in_doubt" or model.word(message) == "ready":
                message.state, message.token = "leased", 0
                settle(model, [Said(message.name, 0, Done(Result.APPLIED))])
        if not model.open():
            return not model.lanes
    return False
