"""`sluice worker`"""

import typer

from app.cli.start import start
from workers.main import serve

app = typer.Typer(add_completion=False)


@app.command()
def worker() -> None:
    """Poll, work and send until told to stop."""
    start("worker", serve)
