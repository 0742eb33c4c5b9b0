"""`fill URL JOBS`, `work URL`: no library at all. Lease a batch, complete it with a receipt; no order, no retry."""

import asyncio
import json
import sys

import asyncpg
import uvloop
from cue import Tally, jobs_of

BATCH = 200
LOOPS = 3


async def fill(url: str, path: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        """
        CREATE TABLE job (id bigint PRIMARY KEY, body jsonb NOT NULL, lease_until timestamptz) WITH (fillfactor = 60);
        CREATE TABLE receipt (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())
        """
    )
    rows = [(number, json.dumps(job), None) for number, job in enumerate(jobs_of(path))]
    await connection.copy_records_to_table("job", records=rows)
    await connection.execute("CREATE INDEX free ON job (id) WHERE lease_until IS NULL")
    await connection.close()


async def work(url: str) -> None:
    tally = Tally()
    connections = [await asyncpg.connect(url) for _ in range(LOOPS)]
    await tally.start()
    await asyncio.gather(*(drain(connection, tally) for connection in connections))
    await asyncio.Event().wait()


async def drain(connection: asyncpg.Connection, tally: Tally) -> None:
    while rows := await connection.fetch(
        """
        WITH picked AS (SELECT id FROM job WHERE lease_until IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        UPDATE job SET lease_until = now() + interval '90 seconds' FROM picked WHERE job.id = picked.id
        RETURNING job.id, job.body
        """,
        BATCH,
    ):
        await connection.execute(
            """
            WITH gone AS (DELETE FROM job WHERE id = ANY($1::bigint[]) RETURNING id)
            INSERT INTO receipt (id) SELECT id FROM gone
            """,
            [row["id"] for row in rows],
        )
        tally.done += len(rows)


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](*sys.argv[2:]))
