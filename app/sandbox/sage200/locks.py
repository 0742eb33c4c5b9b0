"""Pessimistic locks on records, of people at their desks and of API callers (sage200.md 11)."""

from dataclasses import dataclass

from app.sandbox.mirror import View
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.stamps import stamp_later, stamp_now
from app.sandbox.sage200.switches import setting
from app.sandbox.store import Change
from app.sandbox.world import World

LOCK = "sage200.lock"
API_USER = "api.user"


@dataclass(frozen=True, slots=True)
class Record:
    """`kind`: sop_order, customer or product; `label`: how a message names it."""

    kind: str
    id: int
    label: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


def check_lock(world: World, view: View, record: Record, lock_id: int | None = None) -> None:
    """Raises Refused while somebody else holds the record."""
    lock = view.get(LOCK, record.key)
    if lock is None or (lock["until"] and lock["until"] <= stamp_now(world)):
        return
    if lock["lock_id"] == lock_id or (lock["until"] and setting(world, "put_without_lock_id") == "accept"):
        return
    raise Refused(
        setting(world, "locked_status"),
        f"{record.label} is locked by user '{lock['user']}'. Try again later.",
    )


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
