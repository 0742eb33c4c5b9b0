"""What can be said of the image and the compose file without an engine."""

import json
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette

from app.cli.main import COMMANDS
from app.sandbox.server import build
from app.settings import load

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def given(text: str, pattern: str) -> dict[str, str]:
    found = dict(re.findall(pattern, text, re.MULTILINE))
    return {name: re.sub(r"^(['\"])(.*)\1$", r"\2", value.strip()) for name, value in found.items()}


def image_settings() -> dict[str, str]:
    return given(DOCKERFILE, r"^\s+(SLUICE_\w+)=(\S+)")


def compose_settings() -> dict[str, str]:
    return given(COMPOSE, r"^    (SLUICE_\w+): (.+)$")


def test_compose_and_image_give_settings_that_start() -> None:
    settings = load({**image_settings(), **compose_settings()})
    assert list(settings.configured()) == ["centra", "sage200", "virtualstock"]


def test_compose_names_every_role_as_a_command() -> None:
    commands = re.findall(r"^    command: \[(\w+)", COMPOSE, re.MULTILINE)
    assert {"api", "worker", "exporter", "sandbox", "migrate"} <= set(commands)
    assert set(commands) - {"valkey"} <= set(COMMANDS)


def test_compose_speaks_to_the_sandbox_that_it_seeds(tmp_path: Path) -> None:
    """Seeding answers what a client must present."""
    sandbox: Starlette = build(tmp_path)
    routes = {getattr(route, "path", "") for route in sandbox.routes}
    settings = compose_settings()
    assert {"/centra/graphql", "/sage200/oauth/token", "/_sandbox/seed", "/_sandbox/health"} <= routes
    assert settings["SLUICE_CENTRA__uk__TOKEN"] in COMPOSE.partition("token = ")[2]
    assert json.loads(settings["SLUICE_CENTRA__uk__WEBHOOK_SECRETS"])[0] in COMPOSE.partition("plugin = ")[2]
    assert settings["SLUICE_VIRTUALSTOCK__edge__PASSWORD"] in COMPOSE.partition("account = ")[2]


@pytest.mark.parametrize(
    "promise",
    ["--require-hashes -r /build/requirements.lock", "\nUSER 10001:10001\n", "\nHEALTHCHECK ", "/livez"],
)
def test_image_keeps(promise: str) -> None:
    assert promise in DOCKERFILE


def test_image_gets_every_folder_that_it_copies() -> None:
    """`.dockerignore` lets through what it names, and nothing else."""
    wanted = set(re.findall(r"^COPY (\w[\w.]*) ", DOCKERFILE, re.MULTILINE))
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert wanted == let_through
