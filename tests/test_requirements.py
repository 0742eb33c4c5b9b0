"""The document of the requirements is what the tests show, and a run that shows less says nothing."""

from pathlib import Path

import pytest

from tests.requirements import DOCUMENT, read_words

ROOT = Path(__file__).parents[1]
INI = """
[pytest]
testpaths = tests
markers = requirement(id): what it shows
addopts = --strict-markers -p no:cacheprovider
"""
WORDS = """
required = ["R-1", "R-2", "RC-10"]
awaited = ["RC-10"]
[titles]
R-1 = "One"
R-2 = "Two"
R-9 = "Nine"
RC-10 = "Ten"
"""
TESTS = """
import pytest

@pytest.mark.requirement("R-1")
@pytest.mark.requirement("R-9")
def test_one():
    pass

@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.requirement("R-2")
def test_two(number):
    pass

def test_plain():
    pass
"""


@pytest.fixture
def project(pytester):
    """Two marked tests, and the document that fits them."""
    pytester.makeini(INI)
    folder = pytester.mkdir("tests")
    (folder / "requirements.toml").write_text(WORDS)
    (folder / "test_them.py").write_text(TESTS)
    assert run(pytester, "--write-requirements").ret == 0
    return pytester


def run(pytester, *args):
    plugins = ["-p", "tests.requirements", *(["-p", "xdist.plugin"] if "-n" in args else [])]
    return pytester.runpytest_inprocess("--disable-plugin-autoload", *plugins, *args)


def document(pytester) -> str:
    return (pytester.path / DOCUMENT).read_text()


def add(pytester, text: str) -> None:
    with (pytester.path / "tests" / "test_them.py").open("a") as file:
        file.write(text)


def words(pytester, before: str, after: str) -> None:
    path = pytester.path / "tests" / "requirements.toml"
    path.write_text(path.read_text().replace(before, after))


def test_each_id_is_listed_once_with_its_tests(project):
    rows = [line for line in document(project).splitlines() if line.startswith("| R")]
    assert rows == [
        "| R-1 | One | `tests/test_them.py::test_one` |",
        "| R-2 | Two | `tests/test_them.py::test_two` |",
        "| R-9 | Nine | `tests/test_them.py::test_one` |",
    ]
    assert document(project).endswith("Still without a test: RC-10.\n")


@pytest.mark.parametrize("args", [(), ("tests",), ("-m", "requirement"), ("-n", "2")], ids=" ".join)
def test_a_whole_run_compares_the_document(project, args):
    assert run(project, *args).ret == 0
    (project.path / DOCUMENT).write_text("old")
    result = run(project, *args)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*requirements.md is not what the tests show: run `make requirements`"])


@pytest.mark.parametrize(
    "args",
    [("-k", "two"), ("tests/test_them.py",), ("--ignore", "tests/none"), ("--co",), ("-n", "2", "-k", "two")],
)
def test_a_part_says_nothing(project, args):
    (project.path / DOCUMENT).write_text("old")
    result = run(project, *args)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*requirements*")


def test_a_part_writes_nothing(project):
    (project.path / DOCUMENT).write_text("old")
    assert run(project, "--write-requirements", "-k", "two").ret == 1
    assert document(project) == "old"


def test_a_run_that_failed_writes_nothing(project):
    add(project, "\ndef test_three():\n    assert False\n")
    before = document(project)
    words(project, "One", "Uno")
    assert run(project, "--write-requirements").ret == 1
    assert document(project) == before


def test_a_required_id_without_a_passing_test_fails_the_run(project):
    words(project, 'awaited = ["RC-10"]', "awaited = []")
    result = run(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["RC-10 (Ten) has no test that passes: *"])


def test_a_skipped_test_shows_nothing(project):
    text = (project.path / "tests" / "test_them.py").read_text()
    (project.path / "tests" / "test_them.py").write_text(
        text.replace("def test_one():\n    pass", "def test_one():\n    pytest.skip()")
    )
    result = run(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["R-1 (One) has no test that passes: *"])
    result.stdout.no_fnmatch_line("*is not what the tests show*")


def test_an_awaited_id_that_has_a_test_fails_the_run(project):
    add(project, '\n@pytest.mark.requirement("RC-10")\ndef test_ten():\n    pass\n')
    result = run(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["RC-10 has a test now: take it off *"])


@pytest.mark.parametrize("args", [("-k", "two"), ("-n", "2")], ids=" ".join)
def test_an_unknown_id_ends_the_run_whatever_is_run_of_it(project, args):
    add(project, '\n@pytest.mark.requirement("R-3")\ndef test_three():\n    pass\n')
    result = run(project, *args)
    assert result.ret not in {0, pytest.ExitCode.NO_TESTS_COLLECTED}
    result.stdout.fnmatch_lines(["*no such requirement in *: test_three: 'R-3'*"])


@pytest.mark.parametrize(
    ("before", "after"), [('"R-2", "RC-10"]', '"R-5", "RC-10"]'), ('["RC-10"]\n[', '["R-9"]\n[')]
)
def test_words_that_do_not_agree_are_refused(project, before, after):
    words(project, before, after)
    assert run(project).ret == 4


def test_our_own_words_agree_and_are_titles():
    told = read_words(ROOT)
    assert all(len(title.split()) > 1 and not title.endswith(".") for title in told.titles.values())
    assert len(set(told.titles.values())) == len(told.titles)
