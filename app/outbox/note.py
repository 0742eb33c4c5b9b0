"""Note: what a sender told, stored in one statement, since its answer waits for it."""

from collections.abc import Sequence

import asyncpg

from app.db.session import encode
from app.domain.message import Draft, MessageClass
from app.outbox.keys import Appended, body_hash, known

_NOTE = """
WITH numbered AS MATERIALIZED (
    SELECT n, nextval('message_id_seq') AS id FROM generate_series(1, cardinality($1::text[])) AS n
), given AS (
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::bytea[], $9::timestamptz[], $10::bigint[]) WITH ORDINALITY
        AS given(key, hash, source, kind, destination, order_ref, body, raw, due_at, parent_id, n)
    JOIN numbered USING (n)
), won AS (
    INSERT INTO idempotency_key (key, message_id, source, body_hash)
    SELECT given.key, given.id, given.source, given.hash
    FROM unnest($11::bigint[]) WITH ORDINALITY AS turn(n, place) JOIN given USING (n) ORDER BY turn.place
    ON CONFLICT (key) DO NOTHING RETURNING message_id AS id
), stored AS (
    INSERT INTO message (id, kind, cls, destination, source, key, order_ref, body, raw, parent_id)
    SELECT id, kind, $12, destination, source, key, order_ref, body::jsonb, raw, parent_id
    FROM given JOIN won USING (id)
), opened AS (
    INSERT INTO message_state (id, kind, destination, source, order_ref, state, entered, due_at)
    SELECT id, kind, destination, source, order_ref, 'ready', true, coalesce(due_at, '-infinity')
    FROM given JOIN won USING (id)
)
SELECT numbered.id, won.id IS NOT NULL AS fresh FROM numbered LEFT JOIN won USING (id) ORDER BY n
"""


async def note(conn: asyncpg.Connection, drafts: Sequence[Draft]) -> list[Appended]:
    """Notices take no lane and wait for nothing, so that intake is one statement: keys, and what won its key."""
    keyed = sorted(range(len(drafts)), key=lambda number: drafts[number].key or "")
    rows = await conn.fetch(
        _NOTE,
        [draft.key for draft in drafts],
        [body_hash(draft) for draft in drafts],
        [draft.source for draft in drafts],
        [draft.kind for draft in drafts],
        [draft.destination for draft in drafts],
        [draft.order_ref for draft in drafts],
        [encode(draft.body) for draft in drafts],
        [draft.raw for draft in drafts],
        [draft.due_at for draft in drafts],
        [draft.parent for draft in drafts],
        [number + 1 for number in keyed],
        MessageClass.NOTICE.value,
    )
    lost = {n: drafts[n] for n, row in enumerate(rows) if not row["fresh"]}
    before = await known(conn, lost)
    return [before.get(n) or Appended(row["id"]) for n, row in enumerate(rows)]
