"""`sluice align`"""

from typing import Annotated

import typer

from app.cli.ask import ask
from app.cli.show import AsJson, say, show_rows
from app.domain.align import Misfit
from app.flows.align import ask as ask_for
from app.ledger import alignment
from app.settings import load

app = typer.Typer(add_completion=False)


@app.command()
def align(
    anew: Annotated[bool, typer.Option("--anew", help="ask the workers for a new comparison, now")] = False,
    unoffered: Annotated[
        bool, typer.Option("--unoffered", help="products of the ERP that no channel offers")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    as_json: AsJson = False,
) -> None:
    """SKUs that will fail if ordered, as the catalogues were last compared."""
    if anew:
        names = [
            f"{connector}:{connection}"
            for connector, connections in load().configured().items()
            for connection in connections
        ]
        ask(lambda pool: ask_for(pool, names))
        say("Asked for: a worker walks the catalogues now; look again in a while.")
        return
    walks, failing = ask(alignment.walks), ask(alignment.failing)
    for one in walks:
        say(f"{one.destination}: {one.articles} articles, listed {one.listed_at or 'never to the end'}")
    say("Not compared yet." if failing is None else f"SKUs that will fail if ordered: {failing}")
    wanted = (Misfit.UNOFFERED,) if unoffered else alignment.FAILING
    rows = ask(lambda pool: alignment.misfits(pool, wanted, limit=limit))
    show_rows(rows, ("destination", "code", "barcode", "misfit"), as_json=as_json)
