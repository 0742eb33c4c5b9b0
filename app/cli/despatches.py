"""`sluice despatches`"""

import sys
from typing import Annotated

import typer

from app.cli.ask import ask
from app.cli.show import AsJson, say, show_rows
from app.ledger import despatches as ledger

app = typer.Typer(add_completion=False)


@app.command()
def despatches(
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 200,
    csv: Annotated[bool, typer.Option("--csv", help="for a spreadsheet")] = False,
    as_json: AsJson = False,
) -> None:
    """Despatches that one side has and the other lacks: where each is, since when, and why it waits."""
    rows = ask(lambda pool: ledger.pending(pool, limit=limit))
    for one in ask(ledger.backlog):
        oldest = f", the oldest since {one.oldest_at:%Y-%m-%d %H:%M}" if one.oldest_at else ""
        say(f"{one.direction}: {one.despatches}{oldest}")
    if csv:
        sys.stdout.write(ledger.sheet(rows))
        return
    columns = ("connection", "ref", "document_no", "name", "where", "since", "why", "code", "note")
    show_rows(rows, columns, as_json=as_json)
