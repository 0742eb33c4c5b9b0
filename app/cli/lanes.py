"""`sluice lanes`"""

from typing import Annotated

import typer

from app.cli.ask import ask
from app.cli.show import AsJson, show_rows
from app.outbox import browse

app = typer.Typer(add_completion=False)


@app.command()
def lanes(
    moving: Annotated[bool, typer.Option("--moving", help="also lanes whose head is not stuck")] = False,
    after: Annotated[str, typer.Option(help="go on after this lane")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Lanes in which others wait behind a stuck head, and why it is stuck."""
    rows = ask(lambda pool: browse.lanes(pool, after=after, limit=limit, moving=moving))
    columns = ("lane", "waiting", "cause", "since", "head", "kind", "state", "order_ref", "note")
    show_rows(rows, columns, as_json=as_json)
