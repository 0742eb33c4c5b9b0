"""What Postgres itself takes: rows committed one by one by its own `pgbench`, no network but the loopback."""

import asyncio
import os
import re
import tempfile
from pathlib import Path

from app.embedded.sources import find_postgres
from bench.arena import Arena
from bench.harness import Contender, Sample
from bench.load import quantile

CLIENTS = 16
TABLE = "CREATE TABLE inbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source text, raw bytea)"
SCRIPT = "INSERT INTO inbox (source, raw) VALUES ('uk', decode(repeat('5a', 180), 'hex'));\n"
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def find_pgbench() -> Path | None:
    given = os.environ.get("PG_BINDIR")
    program = find_postgres(Path(given) if given else None).bindir / "pgbench"
    return program if program.exists() else None


def commit_rows(arena: Arena, program: Path, warm: float, seconds: float) -> Contender:
    async def run() -> Sample:
        async with arena.database(migrated=False) as url:
            return await _measure(program, url, int(warm), int(seconds))

    settings = f"{CLIENTS} clients, one thread, prepared, one row of 180 bytes a commit"
    return Contender("pgbench", "of this Postgres", settings, run)


async def _measure(program: Path, url: str, warm: int, seconds: int) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "row.sql").write_text(SCRIPT)
        await _run(str(program.with_name("psql")), "-q", "-c", TABLE, url, cwd=home)
        flags = ("-n", "-c", str(CLIENTS), "-j", "1", "-M", "prepared", "-f", "row.sql")
        await _run(str(program), *flags, "-T", str(warm), url, cwd=home)
        told = await _run(str(program), *flags, "-T", str(seconds), "-l", "--log-prefix=each", url, cwd=home)
        millis = sorted(await asyncio.to_thread(read_logs, home))
    return Sample(rate_of(told), quantile(millis, 0.5), quantile(millis, 0.99))


def rate_of(told: str) -> float:
    """Transactions a second, of what pgbench printed."""
    found = _RATE.search(told)
    if found is None:
        raise ValueError(f"pgbench told no rate: {told[:200]}")
    return float(found.group(1))


def read_logs(folder: Path) -> list[float]:
    """Latencies in milliseconds; a line is `client number microseconds …`."""
    lines = (line for log in folder.glob("each.*") for line in log.read_text().splitlines())
    return [int(line.split()[2]) / 1000 for line in lines]


async def _run(*argv: str, cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told = (await process.communicate())[0].decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{Path(argv[0]).name} ended with {process.returncode}: {told[-300:]}")
    return told
