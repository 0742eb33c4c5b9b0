"""Every command of the README is run as it stands there."""

import asyncio
import re
import shlex
import signal

import pytest

from tests.cli.process import ROOT, running
from tests.cli.test_rehearsal import first_day, sluice  # noqa: F401 - a fixture

BLOCKS = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
COMMANDS = [shlex.split(line[2:]) for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
ROLES = ("api", "worker", "exporter")


def test_readme_has_commands() -> None:
    assert ["make", "demo"] in COMMANDS


@pytest.mark.parametrize("command", [one for one in COMMANDS if one[0] == "make"], ids=" ".join)
async def test_make_knows_what_the_readme_says(command: list[str]) -> None:
    """Dry: the suite cannot run itself; the day has tests of its own."""
    process = await asyncio.create_subprocess_exec(
        "make", "-n", *command[1:], cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert (process.returncode, bool(said)) == (0, True)


async def test_sluice_does_what_the_readme_says_in_that_order(first_day) -> None:  # noqa: F811 - a fixture
    for _, *arguments in [one for one in COMMANDS if one[0] == "sluice"]:
        if arguments[0] in ROLES:
            async with running(*arguments, env=first_day) as role:
                await role.answers(arguments[0], "/readyz")
                assert await role.end(signal.SIGTERM) == 0
        else:
            code, said = await sluice(*arguments, env=first_day)
            assert code == 0, said


def test_no_other_first_word_is_a_command() -> None:
    assert {command[0] for command in COMMANDS} == {"make", "sluice"}
