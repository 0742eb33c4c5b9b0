"""A runbook as it is read by whoever follows it: its commands, run as they stand there."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.demo.crew import clean_environment
from app.embedded.sources import find_postgres
from tests.chaos.premises import NeverError

ROOT = Path(__file__).parents[2]
RESTORE = ROOT / "docs" / "runbooks" / "restore.md"


def read(path: Path) -> dict[str, list[str]]:
    """Heading -> the shell commands below it."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^#+ ", path.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        found[heading] = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return found


async def follow(commands: Sequence[str], env: Mapping[str, str]) -> str:
    """What they printed. Postgres's programs are those of the server, `sluice` is ours."""
    given = os.environ.get("PG_BINDIR")
    folders = (find_postgres(Path(given) if given else None).bindir, Path(sys.executable).parent)
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    process = await asyncio.create_subprocess_exec(
        *("sh", "-eu", "-c", "\n".join(commands)),
        cwd=ROOT,
        env={**clean_environment(), **env, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, wrong = await process.communicate()
    if process.returncode:
        raise NeverError(f"{commands[0].strip()[:80]}: {(told + wrong).decode()[-800:]}")
    return told.decode().strip()
