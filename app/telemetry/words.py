"""The closed sets that label values come from. Never a SKU, an order, a customer."""

from enum import StrEnum


class Role(StrEnum):
    API = "api"
    WORKER = "worker"
    EXPORTER = "exporter"


class WebhookResult(StrEnum):
    """`conflict`: a known key with another body. `unreadable`: authentic, stored and parked."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    UNREADABLE = "unreadable"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    UNKNOWN_CONNECTION = "unknown_connection"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    OVERLOADED = "overloaded"
    ERROR = "error"


class Forgery(StrEnum):
    """ForgedError's reasons."""

    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    STALE = "stale"


class MessageOutcome(StrEnum):
    """How one attempt ended; the first four are final."""

    APPLIED = "applied"
    NO_EFFECT = "no_effect"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    SNOOZED = "snoozed"
    PARKED = "parked"
    IN_DOUBT = "in_doubt"
    SICK = "sick"
    LEASE_LOST = "lease_lost"


class OpenState(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    LEASED = "leased"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"


class LaneClass(StrEnum):
    ORDER = "order"
    SKU = "sku"


class BlockedCause(StrEnum):
    """Why the head of a lane that others wait in does not move."""

    RETRY = "retry"
    SNOOZE = "snooze"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"
    DESTINATION = "destination"


class DespatchDirection(StrEnum):
    """`to_channel`: the ERP despatched, its channel was not told; `to_erp`: the channel shipped, the ERP has not confirmed."""

    TO_CHANNEL = "to_channel"
    TO_ERP = "to_erp"


class ProbeResult(StrEnum):
    """`several`: two documents under one key; `differs`: one, with another body. Both are incidents."""

    FOUND = "found"
    ABSENT = "absent"
    SEVERAL = "several"
    DIFFERS = "differs"
    FAILED = "failed"


class UpstreamOutcome(StrEnum):
    SUCCESS = "success"
    CLIENT_ERROR = "client_error"
    LOCKED = "locked"
    THROTTLED = "throttled"
    AUTH = "auth"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECT_ERROR = "connect_error"


class CaseOwner(StrEnum):
    OPERATIONS = "operations"
    FINANCE = "finance"
    CX = "cx"
    SRE = "sre"


class Flow(StrEnum):
    PLACE_ORDER = "place_order"
