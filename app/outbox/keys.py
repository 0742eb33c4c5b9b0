"""Permanent keys: whoever brings one first has it, whoever else appends it at the same time."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.db.session import encode
from app.domain.message import Draft


@dataclass(frozen=True, slots=True)
class Appended:
    """`message_id` of the new message, or of the first that held the key."""

    message_id: int
    duplicate: bool = False
    conflict: bool = False


async def claim_keys(conn: asyncpg.Connection, drafts: Sequence[Draft]) -> list[Appended]:
    """Gives each draft an id; a key decides who is first, whoever else appends it at the same time."""
    rows = await conn.fetch(
        "SELECT nextval('message_id_seq') AS id FROM generate_series(1, $1::int)", len(drafts)
    )
    ids = sorted(row["id"] for row in rows)
    keyed = sorted((draft.key, number) for number, draft in enumerate(drafts) if draft.key is not None)
    if not keyed:
        return [Appended(number) for number in ids]
    won = await conn.fetch(
        """
        INSERT INTO idempotency_key (key, message_id, source, body_hash)
        SELECT key, id, source, hash
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[]) WITH ORDINALITY AS given(key, id, source, hash, n)
        ORDER BY n ON CONFLICT (key) DO NOTHING RETURNING message_id
        """,
        [key for key, _ in keyed],
        [ids[number] for _, number in keyed],
        [drafts[number].source for _, number in keyed],
        [body_hash(drafts[number]) for _, number in keyed],
    )
    fresh = {row["message_id"] for row in won}
    answers = {number: Appended(message_id) for number, message_id in enumerate(ids)}
    answers.update(await known(conn, {n: drafts[n] for _, n in keyed if ids[n] not in fresh}))
    return [answers[number] for number in range(len(drafts))]


def body_hash(draft: Draft) -> bytes:
    return hashlib.sha256(_evidence(draft)).digest()


def _evidence(draft: Draft) -> bytes:
    return draft.raw if draft.raw is not None else encode(draft.body).encode()


async def known(conn: asyncpg.Connection, lost: Mapping[int, Draft]) -> dict[int, Appended]:
    """Who held these keys first; another body under a known key is kept as a conflict."""
    if not lost:
        return {}
    rows = await conn.fetch(
        "SELECT key, message_id, body_hash FROM idempotency_key WHERE key = ANY($1::text[])",
        [draft.key for draft in lost.values()],
    )
    first = {row["key"]: row for row in rows}
    answers = {}
    for number, draft in lost.items():
        row, digest = first[draft.key], body_hash(draft)
        same = hmac.compare_digest(row["body_hash"], digest)
        answers[number] = Appended(row["message_id"], duplicate=True, conflict=not same)
        if not same:
            await conn.execute(
                "INSERT INTO key_conflict (key, body_hash, raw) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                draft.key,
                digest,
                _evidence(draft),
            )
    return answers
