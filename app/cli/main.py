"""The command `sluice`. Exit codes: 0 done, 1 problems found, 2 wrong usage, 130 interrupted, no others."""

import importlib
import sys
from typing import Any

import structlog
import typer
from asyncpg.exceptions import InterfaceError, PostgresError
from typer.core import TyperGroup

from app.domain.errors import SluiceError
from app.embedded.errors import EmbeddedError
from app.registry import NotConfiguredError
from app.settings import SettingsError
from app.telemetry.logs import configure_logging

# Each is loaded when it is asked for: a worker carries neither FastAPI nor the sandbox.
COMMANDS = (
    *("up", "api", "worker", "exporter", "sandbox", "migrate", "preflight"),
    *("messages", "exceptions", "despatches", "align", "lanes", "mappings", "keys", "demo", "openapi"),
)
SAID = (SettingsError, NotConfiguredError, EmbeddedError, SluiceError)


class Commands(TyperGroup):
    """One module a command; its name is the command's."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - Typer passes it
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ARG002 - Typer passes it
        if cmd_name not in COMMANDS:
            return None
        part = importlib.import_module(f"app.cli.{cmd_name}").app
        command = typer.main.get_command(part)
        command.name = cmd_name
        return command


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def sluice() -> None:
    """Keeps sales channels and an ERP in step."""
    configure_logging("cli", sys.stderr, "WARNING")


def run() -> None:
    try:
        app(prog_name="sluice")
    except SAID as error:
        _end(str(error))
    except (OSError, TimeoutError, PostgresError, InterfaceError) as error:
        structlog.get_logger().warning("cli.failed", error=type(error).__name__)
        _end(f"{type(error).__name__}: {error}")


def _end(sentence: str) -> None:
    """No traceback: the sentence says what to do."""
    sys.stderr.write(f"sluice: {sentence}\n")
    sys.exit(1)


if __name__ == "__main__":
    run()
