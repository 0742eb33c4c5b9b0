"""Attacks the outbox and judges what is left.

`python -m tests.chaos [--minutes 6] [--seed N] [--only NAME]`: at 60 minutes and more every attack has its full size, below
its share of it. Ends 1 unless every verdict is clean.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.embedded.reach import discard
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.attacks import ATTACKS

HOME = Path(".sluice").absolute() / "chaos"
FULL_MINUTES = 60.0
ATTACK_SECONDS = 1800.0
"""Beyond its own time an attack is ended: what hangs is a fault."""


def chosen(only: str | None) -> list[Attack]:
    return [attack for attack in ATTACKS if only is None or only in attack.name]


def share_of(minutes: float) -> float:
    return min(1.0, minutes / FULL_MINUTES)


async def launch(attack: Attack, home: Path, seed: int, share: float) -> Report:
    """A fault of the attack itself is a fault: what could not be judged is not clean."""
    root = home / attack.name.replace(" ", "-")
    clear(root)
    arena = Arena(root, seed, share, attack.minutes * 60 * share)
    try:
        async with asyncio.timeout(arena.seconds + ATTACK_SECONDS):
            report = await attack.run(arena)
    except Exception as error:  # noqa: BLE001 - the other attacks must still be run
        traceback.print_exc()
        return Report(attack.name, share, faults=(f"it broke off: {type(error).__name__}: {error}",))
    if not report.faults:
        clear(root)
    return report


def clear(root: Path) -> None:
    discard(root / "servers")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)


def verdict(report: Report) -> str:
    if report.skipped is not None:
        return f"skipped: {report.skipped}"
    return "clean" if not report.faults else f"{len(report.faults)} FAULTS"


def table_of(reports: Sequence[Report]) -> Table:
    table = Table("attack", "share", "what happened", "verdict")
    for report in reports:
        told = ", ".join(f"{name} {figure:g}" for name, figure in report.figures.items())
        table.add_row(report.name, f"{report.share:.0%}", told, verdict(report))
    return table


async def attack_all(attacks: Sequence[Attack], seed: int, minutes: float, console: Console) -> list[Report]:
    reports = []
    for attack in attacks:
        console.print(f"{attack.name} ...")
        report = await launch(attack, HOME, seed, share_of(minutes))
        console.print(f"{attack.name}: {verdict(report)}")
        for fault in report.faults[:20]:
            console.print(f"  {fault}", markup=False)
        reports.append(report)
    return reports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only")
    wish = parser.parse_args()
    seed = secrets.randbelow(2**32) if wish.seed is None else wish.seed
    console = Console()
    attacks = chosen(wish.only)
    if not attacks:
        console.print(f"No attack is called {wish.only}. There are: {', '.join(one.name for one in ATTACKS)}")
        return 2
    console.print(f"Seed {seed}, {wish.minutes:g} minutes")
    reports = asyncio.run(attack_all(attacks, seed, wish.minutes, console))
    console.print(table_of(reports))
    console.print(f"Seed {seed}. What failed left its data and logs in .sluice/chaos.")
    return 1 if any(report.faults for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
