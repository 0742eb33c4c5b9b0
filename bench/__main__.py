"""`python -m bench [--only NAME] [--quick]`: measures, writes bench/results, prints a table. Ends 1 if an aim is missed."""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psutil
from rich.console import Console

from bench.arena import ROOT, Arena, machine_of, open_arena
from bench.environment import InstallError, draw
from bench.harness import Bench, play, result_of
from bench.show import show, write

NAMES = ("accept", "drain", "blocked", "schedule", "freshness", "catchup", "walk", "memory")


def main() -> int:
    given = arguments()
    return asyncio.run(run(given.only or NAMES, quick=given.quick))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="one bench; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and one round: a look, not a figure"
    )
    return parser.parse_args()


async def run(names: Sequence[str], *, quick: bool) -> int:
    """Each module `bench.<name>` has `async def bench(arena) -> Bench`."""
    console = Console(stderr=True)
    results, written = [], []
    async with open_arena(quick=quick) as arena:
        machine = await machine_of(arena)
        for name in names:
            console.print(f"{name} …", style="bold")
            result = await measure(arena, name, console)
            result["machine"] = {**machine, "load": round(psutil.getloadavg()[0], 2)}
            result["at"] = datetime.now(UTC).isoformat(timespec="seconds")
            written.append(write(ROOT / "bench" / "results", result, quick=quick))
            results.append(result)
    show(results)
    try:
        await draw(written)
    except InstallError as error:
        console.print(f"no plots: {error}")
    return 0 if all(result["met"] for result in results) else 1


async def measure(arena: Arena, name: str, console: Console) -> dict[str, Any]:
    bench: Bench = await importlib.import_module(f"bench.{name}").bench(arena)
    outcome, skipped = await play(bench, lambda line: console.print(f"  {line}", highlight=False))
    return result_of(bench, outcome, skipped)


if __name__ == "__main__":
    sys.exit(main())
