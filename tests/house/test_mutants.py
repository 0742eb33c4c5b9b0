"""A mutant that no longer fits the code proves nothing."""

import subprocess

import pytest

from tests.house.test_house import ROOT

PATCHES = sorted((ROOT / "tests" / "mutants").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_mutant_still_applies(patch) -> None:
    done = subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_mutant_names_tests_that_exist() -> None:
    named = [
        test
        for patch in PATCHES
        for line in patch.read_text().splitlines()
        if line.startswith("Test: ")
        for test in line.removeprefix("Test: ").split()
    ]
    assert len(named) >= len(PATCHES)
    for path, _, name in (test.partition("::") for test in named):
        assert not name or f"def {name.split('[')[0]}(" in (ROOT / path).read_text(), name
