"""`sluice exporter`"""

import typer

from app.cli.start import start
from workers.exporter import serve

app = typer.Typer(add_completion=False)


@app.command()
def exporter() -> None:
    """Show what the database says until told to stop."""
    start("exporter", serve)
