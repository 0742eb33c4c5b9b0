"""Pessimistic locks on records, of people at their desks and of API callers (sage200.md 11)."""

from dataclasses import dataclass
from datetime import timedelta

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.stamps import stamp_later, stamp_now
from app.sandbox.sage200.switches import setting
from app.sandbox.store import Change
from app.sandbox.world import World

LOCK = "sage200.lock"
API_USER = "api.user"
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """`kind`: sop_order, customer or product; `label`: how a message names it."""

    kind: str
    id: int
    label: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


def check_lock(
    world: World, view: View, record: Record, *, lock_id: int | None = None, user: str = ""
) -> None:
    """Raises Refused while somebody else holds the record; `user` is who asks, at a desk."""
    lock = find_lock(world, view, record)
    if lock is None or lock["lock_id"] == lock_id or lock["user"] == user:
        return
    text = setting(world, "locked_text").replace("{record}", record.label).replace("{user}", lock["user"])
    raise Refused(setting(world, "locked_status"), text)


def find_lock(world: World, view: View, record: Record) -> Doc | None:
    """The lock that others meet."""
    lock = view.get(LOCK, record.key)
    if lock is None or (lock["until"] and lock["until"] <= stamp_now(world)):
        return None
    return None if lock["until"] and setting(world, "put_without_lock_id") == "accept" else lock


async def await_unlocked(world: World, record: Record) -> None:
    """Raises Refused (504) when the server has waited as long as it ever waits."""
    until = world.clock.now() + timedelta(seconds=world.switches["server_timeout_seconds"])
    while find_lock(world, world.store.read(), record) is not None:
        if world.clock.now() >= until:
            raise Refused(504)
        await world.clock.sleep(LOOK_SECONDS)


def take_lock(world: World, change: Change, record: Record, user: str = "") -> int:
    """A person's lock stays until they let go; one of the API (no `user`) runs out."""
    check_lock(world, change, record)
    lock_id = change.next_id("sage200.lock_id", 900_001)
    until = "" if user else stamp_later(world, setting(world, "api_lock_seconds"))
    change.put(LOCK, record.key, {"user": user or API_USER, "lock_id": lock_id, "until": until})
    return lock_id


def check_lock_id(world: World, view: View, record: Record, lock_id: int) -> None:
    lock = view.get(LOCK, record.key)
    ended = lock is None or (lock["until"] and lock["until"] <= stamp_now(world))
    if lock is None or ended or lock["lock_id"] != lock_id:
        raise invalid(f"The lock {lock_id} on {record.label} does not exist.")
