"""`sluice migrate`"""

import asyncio

import typer

from app.db.migrate import upgrade
from app.settings import load

app = typer.Typer(add_completion=False)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. Any number may try at once; one does it."""
    asyncio.run(upgrade(load().database_url.get_secret_value()))
    typer.echo("The schema is at its newest revision.", err=True)
