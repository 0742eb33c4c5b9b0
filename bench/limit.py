"""What the server itself can do, one row a commit: pgbench."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import asyncpg

from app.embedded.sources import find_postgres
from bench.arena import Arena
from bench.harness import Sample

CLIENTS = 8
SCRIPT = "DELETE FROM job WHERE id = (SELECT id FROM job ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED);\n"
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


class LimitError(Exception):
    """pgbench failed; its last words are the message."""


def program() -> Path:
    """Of the server that is measured."""
    bindir = os.environ.get("PG_BINDIR")
    return find_postgres(Path(bindir) if bindir else None).bindir / "pgbench"


def version_of(pgbench: Path) -> str:
    said = subprocess.run([pgbench, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - our own path
    return said.stdout.split()[2]


async def run(arena: Arena, count: int, threads: int) -> Sample:
    async with arena.database(migrated=False) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE job (id bigint PRIMARY KEY, body jsonb NOT NULL)")
        await connection.execute(
            """
            INSERT INTO job SELECT n, '{"ref": "1", "skus": ["SKU00001", "SKU00002"]}'
            FROM generate_series(1, $1::bigint) AS n
            """,
            count,
        )
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        return Sample(await measure(url, arena.home / "limit.sql", count // CLIENTS, threads))


async def measure(url: str, script: Path, each: int, threads: int) -> float:
    await asyncio.to_thread(script.write_text, SCRIPT)
    options: list[str | Path] = [
        "-n",
        "-M",
        "prepared",
        "-f",
        script,
        "-c",
        str(CLIENTS),
        "-j",
        str(threads),
        "-t",
        str(each),
    ]
    process = await asyncio.create_subprocess_exec(
        program(), *options, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return tps_of(output.decode())


def tps_of(output: str) -> float:
    if found := _TPS.search(output):
        return float(found[1])
    raise LimitError(output[-300:])
