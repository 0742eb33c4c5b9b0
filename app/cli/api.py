"""`sluice api`"""

import typer

from app.cli.start import start
from app.main import serve

app = typer.Typer(add_completion=False)


@app.command()
def api() -> None:
    """Serve webhooks and the internal REST API until told to stop."""
    start("api", serve)
