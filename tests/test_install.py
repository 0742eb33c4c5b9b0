"""The set-up script, as far as it says what is wrong; that it works, every run of this suite shows."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.9.2'\nexit 1\n"
WITHOUT_VENV = "#!/bin/sh\n[ \"$2\" = venv ] && echo 'No module named ensurepip' && exit 1\nexit 0\n"
PIP_FAILS = """#!/bin/sh
[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
[ "$2" = pip ] && echo 'no such hash' && exit 1
exit 0
"""


def install(tmp_path: Path, python: str) -> subprocess.CompletedProcess[str]:
    fake = tmp_path / "python3"
    fake.write_text(python)
    fake.chmod(0o755)
    return subprocess.run(
        [
            ROOT / ".ci" / "install",
            tmp_path / "venv",
            ROOT / "requirements.lock",
            tmp_path / "log" / "install.log",
        ],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHON": str(fake)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (OLD, "Python 3.11 or newer is needed. Found: Python 3.9.2"),
        (WITHOUT_VENV, "apt-get install python3-venv"),
        (PIP_FAILS, "no such hash"),
    ],
)
def test_failed_set_up_says_what_to_do(tmp_path: Path, python: str, sentence: str) -> None:
    run = install(tmp_path, python)
    assert (run.returncode, sentence in run.stderr) == (1, True), run.stderr


def test_half_made_environment_is_not_left_behind(tmp_path: Path) -> None:
    install(tmp_path, WITHOUT_VENV)
    assert not (tmp_path / "venv").exists()


def test_ci_runs_what_a_user_would() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make lint", "make test"]


def test_help_names_every_command() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("demo", "test", "lint", "openapi", "mutants", "chaos", "bench", "clean", "help"):
        assert f"make {command} " in said
