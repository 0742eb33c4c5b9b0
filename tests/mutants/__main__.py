"""Breaks one promise at a time in a copy of the tree and sees that the test named for it fails.

`python -m tests.mutants [word ...]`: those whose name or promise holds a word. Ends 1 if a mutant survives, if a patch no
longer applies, or if a named test does not even pass unbroken.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
SECONDS = 300
KILLED, SURVIVED, STALE, UNSURE = "killed", "SURVIVED", "PATCH DOES NOT APPLY", "NO VERDICT"


@dataclass(frozen=True)
class Mutant:
    """`promise` and `test` stand above the diff in its file."""

    name: str
    promise: str
    test: str
    patch: Path


@dataclass(frozen=True)
class Result:
    mutant: Mutant
    verdict: str
    detail: str = ""


Run = Callable[[Path, Sequence[str]], tuple[int, str]]


def read(path: Path) -> Mutant:
    fields = dict(
        line.split(": ", 1)
        for line in path.read_text().split("\n--- ", 1)[0].splitlines()
        if line.startswith(("Promise: ", "Test: "))
    )
    return Mutant(path.stem, fields["Promise"], fields["Test"], path)


def copy_tree(target: Path) -> None:
    """The working tree as git sees it, so that what is being written now is judged too."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def apply(patch: Path, tree: Path) -> str:
    """What git has against it, or nothing."""
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(patch)],
        cwd=tree,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stderr.strip() if done.returncode else ""


def run_tests(tree: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Pytest's exit status and its last line."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / ".hypothesis")}
    try:
        done = subprocess.run(
            command, cwd=tree, env=env, check=False, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {SECONDS} s"
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or [""]
    return done.returncode, lines[-1]


def judge(mutant: Mutant, run: Run) -> Result:
    """A test that fails kills; one that cannot be collected, or whose fixtures break, says nothing."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)  # an embedded Postgres runs as another user where we are root
        copy_tree(tree)
        if trouble := apply(mutant.patch, tree):
            return Result(mutant, STALE, trouble)
        status, said = run(tree, [mutant.test])
    if status == 0:
        return Result(mutant, SURVIVED, said)
    return Result(mutant, KILLED if status == 1 and "failed" in said else UNSURE, said)


def judge_all(mutants: Sequence[Mutant], run: Run, jobs: int) -> list[Result]:
    """The unbroken tree first: a test that fails anyway kills nobody."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        copy_tree(tree)
        status, said = run(tree, sorted({mutant.test for mutant in mutants}))
    if status:
        return [Result(mutant, UNSURE, f"unbroken: {said}") for mutant in mutants]
    with ThreadPoolExecutor(jobs) as threads:
        results = []
        for result in threads.map(lambda mutant: judge(mutant, run), mutants):
            sys.stderr.write(f"{result.mutant.name}: {result.verdict}\n")
            sys.stderr.flush()
            results.append(result)
        return results


def table(results: Sequence[Result]) -> str:
    width = max(len(result.mutant.name) for result in results)
    rows = []
    for result in results:
        rows.append(f"{result.mutant.name:<{width}}  {result.verdict:<10}  {result.mutant.promise}")
        if result.verdict != KILLED:
            rows.append(f"{'':<{width}}  {result.mutant.test}\n{'':<{width}}  {result.detail}")
    killed = sum(result.verdict == KILLED for result in results)
    return "\n".join([*rows, f"{killed} of {len(results)} killed"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    mutants = [read(path) for path in sorted(FOLDER.glob("*.patch"))]
    if given.words:
        mutants = [m for m in mutants if any(word in m.name or word in m.promise for word in given.words)]
    if not mutants:
        parser.error("no such mutant")
    results = judge_all(mutants, run_tests, given.jobs)
    sys.stdout.write(table(results) + "\n")
    return int(any(result.verdict != KILLED for result in results))


if __name__ == "__main__":
    sys.exit(main())
