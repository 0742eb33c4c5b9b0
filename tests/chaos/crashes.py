"""Every step of a message's life at which a process may die: the one list. `attacks/crashes.py` dies at each of them.

A step is what a process says on a wire: a transaction that commits, a request, a ring. Dying before it, nothing of it
has happened; dying after it, all of it has and nobody here knows.
"""

from dataclasses import dataclass

from tests.chaos.wires import Side, Step

COMMIT = (Side.BEFORE, Side.AFTER)
WRITE = (Side.BEFORE, Side.HALFWAY, Side.AFTER)

INTAKE, PERSON, BELL = "api-postgres", "api-postgres", "api-redis"
OUTBOX, VENDORS = "worker-postgres", "worker-http"


@dataclass(frozen=True, slots=True)
class Boundary:
    """`scene`: what is played so that the step comes, see `scenes.py`."""

    name: str
    step: Step
    side: Side
    scene: str


def _all_of(*patterns: str, without: str = "(?!)") -> str:
    """Statements of one transaction, in whatever order."""
    return f"^(?!.*(?:{without}))" + "".join(f"(?=.*{pattern})" for pattern in patterns)


def taken(kind: str) -> str:
    """A claim where something is due."""
    return rf"SET state = 'leased'.*{kind}"


APPEND = r"INSERT INTO message \("
PLACES = r"sage200\.sales_order\.place"
SETTLED = r"INSERT INTO attempt"
RESTS = r"state = given\.state"
CREATE = r"^POST \S*/sop_orders HTTP"
REWRITE = r"^PUT \S*/sop_orders/\d+ .*lines"
PROBE = r"^GET \S*/sop_orders\?\S*customer_document_no"

STEPS: tuple[tuple[str, Step, tuple[Side, ...], str], ...] = (
    ("receive: append", Step(INTAKE, APPEND), COMMIT, "orders"),
    ("receive: wake", Step(BELL, r"ZADD"), COMMIT, "rung"),
    ("hear: take the ring", Step("worker-redis", r"ZREM|arq:in-progress"), COMMIT, "rung"),
    ("poll: seed", Step(OUTBOX, r"LIKE 'poll:%.*" + APPEND), COMMIT, "first_start"),
    ("poll: read the queue", Step(VENDORS, r"GatewayEvents"), COMMIT, "orders"),
    ("poll: move the cursor", Step(OUTBOX, _all_of(r"INSERT INTO poll_cursor", r"event/")), COMMIT, "orders"),
    (
        "poll: sweep moves its cursor",
        Step(OUTBOX, _all_of(r"INSERT INTO poll_cursor", r"sweep/")),
        COMMIT,
        "orders",
    ),
    ("poll: confirm", Step(VENDORS, r"GatewayConfirm"), WRITE, "orders"),
    (
        "poll: settle the confirmation",
        Step(OUTBOX, _all_of(SETTLED, APPEND, without="INSERT INTO (?:poll_cursor|order_snapshot)")),
        COMMIT,
        "orders",
    ),
    ("re-read: claim", Step(OUTBOX, taken(r"centra\.order")), COMMIT, "orders"),
    ("re-read: ask the channel", Step(VENDORS, r"GatewayOrders"), COMMIT, "orders"),
    (
        "re-read: settle, append the effect, enter",
        Step(OUTBOX, _all_of(r"INSERT INTO order_snapshot", APPEND, SETTLED)),
        COMMIT,
        "orders",
    ),
    (
        "amend before the send",
        Step(OUTBOX, _all_of("INSERT INTO order_snapshot", "SET lanes = ")),
        COMMIT,
        "amended",
    ),
    (
        "cancel before the send",
        Step(OUTBOX, _all_of("INSERT INTO order_snapshot", "CANCELLED|cancelled", SETTLED)),
        COMMIT,
        "cancelled",
    ),
    ("place: claim", Step(OUTBOX, taken(PLACES)), COMMIT, "orders"),
    ("place: look for the key", Step(VENDORS, PROBE), COMMIT, "orders"),
    ("place: intent", Step(OUTBOX, r"INSERT INTO intent"), COMMIT, "orders"),
    ("place: send", Step(VENDORS, CREATE), WRITE, "orders"),
    ("place: settle, bind", Step(OUTBOX, _all_of(r"INSERT INTO binding", SETTLED)), COMMIT, "orders"),
    ("place: prolong the lease", Step(OUTBOX, r"SET lease_until = "), COMMIT, "slow"),
    ("place: count towards the breaker", Step(OUTBOX, r"SET failures = failures \+ 1"), COMMIT, "unanswered"),
    ("doubt: settle as a question", Step(OUTBOX, _all_of(RESTS, r"\x08in_doubt")), COMMIT, "unanswered"),
    ("doubt: claim", Step(OUTBOX, taken(PLACES)), COMMIT, "in_doubt"),
    ("doubt: probe", Step(VENDORS, PROBE), COMMIT, "in_doubt"),
    ("doubt: adopt", Step(OUTBOX, _all_of(r"INSERT INTO binding", SETTLED)), COMMIT, "in_doubt"),
    ("doubt: step aside", Step(OUTBOX, r"entered = false, aside = "), COMMIT, "absent"),
    ("doubt: settle as absent", Step(OUTBOX, _all_of(RESTS, r"\x07waiting")), COMMIT, "absent"),
    ("enter again", Step(OUTBOX, _all_of("SET entered = true", without=SETTLED)), COMMIT, "absent"),
    ("doubt: send again", Step(VENDORS, CREATE), WRITE, "absent_again"),
    ("rescue before the send", Step(OUTBOX, r"lease_lost"), COMMIT, "vanished"),
    ("rescue after the send", Step(OUTBOX, r"lease_lost"), COMMIT, "vanished_sending"),
    ("settle: park", Step(OUTBOX, _all_of(RESTS, r"INSERT INTO exception_case")), COMMIT, "ghost"),
    ("person: release", Step(PERSON, r"state = 'parked' ORDER BY id FOR UPDATE"), COMMIT, "released"),
    ("change: remember the lock", Step(OUTBOX, r"INSERT INTO erp_lock"), COMMIT, "edited"),
    ("change: take the lock", Step(VENDORS, r"^GET \S*/sop_orders/\d+\S*is_to_lock"), COMMIT, "edited"),
    ("change: keep its number", Step(OUTBOX, r"UPDATE erp_lock"), COMMIT, "edited"),
    ("change: intent", Step(OUTBOX, r"INSERT INTO intent"), COMMIT, "edited"),
    ("change: write", Step(VENDORS, REWRITE), WRITE, "edited"),
    ("change: forget the lock", Step(OUTBOX, r"DELETE FROM erp_lock"), COMMIT, "edited"),
    ("change: settle", Step(OUTBOX, _all_of(r"UPDATE binding SET", SETTLED)), COMMIT, "edited"),
    ("token: lease", Step(OUTBOX, r"lease_holder\)\s+VALUES"), COMMIT, "first_start"),
    ("token: ask", Step(VENDORS, r"^POST \S*/oauth/token"), (Side.BEFORE,), "first_start"),
    ("token: ask", Step(VENDORS, r"^POST \S*/oauth/token"), (Side.AFTER,), "unheard_grant"),
    (
        "token: save",
        Step(OUTBOX, r"INSERT INTO erp_token \(name, access_token, refresh_token"),
        COMMIT,
        "first_start",
    ),
)

BOUNDARIES: tuple[Boundary, ...] = tuple(
    Boundary(f"{name}, {side}", step, side, scene) for name, step, sides, scene in STEPS for side in sides
)
