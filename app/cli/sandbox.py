"""`sluice sandbox`"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.embedded.folder import free_port
from app.sandbox.server import serve

app = typer.Typer(add_completion=False)


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 picks a free one")] = 8090,
    data: Annotated[Path, typer.Option(help="where it remembers")] = Path(".sluice/sandbox"),
    seed: Annotated[int, typer.Option(help="of its chances")] = 0,
) -> None:
    """Play Sage 200 and Centra until told to stop; they remember what was done to them."""
    chosen = port or free_port(host)
    data.mkdir(parents=True, exist_ok=True)
    typer.echo(f"http://{host}:{chosen}")
    asyncio.run(serve(host, chosen, data, seed))
