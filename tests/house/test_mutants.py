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


def test_mutant_names_a_test_that_exists() -> None:
    for patch in PATCHES:
        named = [
            line.removeprefix("Test: ")
            for line in patch.read_text().splitlines()
            if line.startswith("Test: ")
        ]
        for test in named:
            path, _, name = test.partition("::")
            assert f"def {name.split('[')[0]}(" in (ROOT / path).read_text(), test
