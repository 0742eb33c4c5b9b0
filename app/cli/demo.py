"""`sluice demo`"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.demo.day import main

app = typer.Typer(add_completion=False)


class Faults(StrEnum):
    NONE = "none"
    ROUGH = "rough"
    BRUTAL = "brutal"


@app.command()
def demo(
    orders: Annotated[int, typer.Option(min=1, help="how many orders the shoppers place")] = 200,
    faults: Annotated[Faults, typer.Option(help="how badly the vendors behave")] = Faults.ROUGH,
    seed: Annotated[int, typer.Option(help="the same seed, the same day")] = 1,
    json: Annotated[Path | None, typer.Option(help="write the report there as well")] = None,
    once: Annotated[bool, typer.Option("--once", help="exit after the report: 0 if all is in step")] = False,
) -> None:
    """A scripted shopping day on simulated vendors: signed webhooks, real polls, a report."""
    raise typer.Exit(main(orders, faults.value, seed, json, once))
