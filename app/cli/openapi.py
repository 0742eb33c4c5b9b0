"""`sluice openapi`"""

from pathlib import Path
from typing import Annotated

import typer

from app.api.openapi import write

app = typer.Typer(add_completion=False)


@app.command()
def openapi(
    path: Annotated[Path, typer.Argument(help="where to write it")] = Path("openapi/sluice.json"),
) -> None:
    """Write the API's contract as OpenAPI 3.1."""
    write(path)
    typer.echo(str(path))
