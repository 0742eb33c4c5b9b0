"""`sluice keys`"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from app.cli.ask import ask
from app.cli.show import AsJson, say, show_json
from app.flows import keys

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="who will use it")],
    scope: Annotated[list[str], typer.Option(help=f"may be repeated: {', '.join(keys.SCOPES)}")],
    days: Annotated[int | None, typer.Option(min=1, help="until it expires; unlimited unless given")] = None,
    environment: Annotated[str, typer.Option(help="shown in the key")] = "live",
    as_json: AsJson = False,
) -> None:
    """Create an API key. It is shown once, on stdout, and only its hash is kept."""
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    made = ask(lambda pool: keys.create(pool, name, scope, environment=environment, expires_at=expires_at))
    if as_json:
        show_json(made)
        return
    say(f"Key {made.id} for {name}. Keep it now: it cannot be shown again.")
    typer.echo(made.key)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="the id between the second and third underscore")],
) -> None:
    """Revoke an API key at once."""
    if not ask(lambda pool: keys.revoke(pool, key_id)):
        say(f"No valid key has the id {key_id}.")
        raise typer.Exit(1)
    say(f"Key {key_id} is revoked.")
