"""What a read replica shows that has not heard of the latest change of any order."""

from collections.abc import Mapping

from app.sandbox.centra.shop import ORDER
from app.sandbox.mirror import Doc
from app.sandbox.store import Store


def read_behind(store: Store) -> Mapping[int, Doc | None]:
    """By number; None: it was not there yet."""
    behind: dict[int, Doc | None] = {}
    for row in store.history(limit=-1):
        behind.update({int(one["id"]): one["before"] for one in row["changed"] if one["entity"] == ORDER})
    return behind
