"""Sends several processes at one database, waits for them, and ends those that do not come home."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[3]
GRACE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a process of the crowd is told. `errand`: deliver or jostle. `size`: orders of the world, or SKUs."""

    errand: str
    url: str
    seed: int
    size: int
    seconds: float
    processes: int = 4
    process: int = 0
    busy: float = 0.0


async def gather(order: Order) -> tuple[list[dict[str, int]], list[str]]:
    """What each saw, and a sentence for each that did not come home."""
    children = [await _send(replace(order, process=number)) for number in range(order.processes)]
    try:
        async with asyncio.timeout(order.seconds + GRACE_SECONDS):
            told = await asyncio.gather(*(child.communicate() for child in children))
    except TimeoutError:
        return [], ["the crowd did not come home in time"]
    finally:
        await asyncio.gather(*(_end(child) for child in children))
    return _read(children, told)


def _read(
    children: Sequence[asyncio.subprocess.Process], told: Sequence[tuple[bytes, bytes]]
) -> tuple[list[dict[str, int]], list[str]]:
    reports, wrong = [], []
    for child, (said, complained) in zip(children, told, strict=True):
        if child.returncode == 0:
            reports.append(json.loads(said))
        else:
            tail = complained.decode(errors="replace").strip()[-1500:]
            wrong.append(f"a process ended with {child.returncode}: {tail}")
    wrong += ["a process ran out of time"] * sum("out of time" in report for report in reports)
    return reports, wrong


async def _send(order: Order) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.crowd", json.dumps(asdict(order))),
        cwd=ROOT,
        env=dict(os.environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()
