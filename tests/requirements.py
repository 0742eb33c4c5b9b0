"""Which test shows which requirement: tests are marked, docs/requirements.md is written from the marks and is never stale.

Loaded by tests/conftest.py. A run says something only if every marked test of the test paths took part in it and nothing
failed; `--write-requirements` writes the file then instead of comparing it.
"""

import tomllib
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MARK = "requirement"
WORDS = Path("tests/requirements.toml")
DOCUMENT = Path("docs/requirements.md")
HEAD = """# What is asked, and which test shows it

Written by `make requirements` from the marks of tests that passed, and compared with them at the end of each whole run: do not
edit it. The titles stand in `tests/requirements.toml`.

"""


@dataclass(frozen=True)
class Words:
    """`required`: ids that need a test; `awaited`: of those, ids whose test is still to be written."""

    titles: Mapping[str, str]
    required: frozenset[str]
    awaited: frozenset[str]


def read_words(root: Path) -> Words:
    """Raises pytest.UsageError where an id has no title, or is awaited and not required."""
    told = tomllib.loads((root / WORDS).read_text(encoding="utf-8"))
    words = Words(told["titles"], frozenset(told["required"]), frozenset(told["awaited"]))
    if nameless := sorted(words.required - words.titles.keys(), key=in_order):
        raise pytest.UsageError(f"{WORDS}: give a title to {', '.join(nameless)}")
    if loose := sorted(words.awaited - words.required, key=in_order):
        raise pytest.UsageError(f"{WORDS}: awaited and not required: {', '.join(loose)}")
    return words


def in_order(one: str) -> tuple[str, int]:
    """R-9 before R-17, R before RC."""
    kind, _, number = one.partition("-")
    return kind, int(number)


def write(words: Words, shown: Mapping[str, set[str]]) -> str:
    """`shown`: id -> tests, `path::name`."""
    rows = [
        f"| {one} | {words.titles[one]} | {'<br>'.join(f'`{test}`' for test in sorted(shown[one]))} |\n"
        for one in sorted(shown, key=in_order)
    ]
    text = f"{HEAD}| id | what is asked | tests |\n|---|---|---|\n{''.join(rows)}"
    if words.awaited:
        text += f"\nStill without a test: {', '.join(sorted(words.awaited, key=in_order))}.\n"
    return text


def compare(words: Words, shown: Mapping[str, set[str]]) -> Iterator[str]:
    """What the list of required ids has against the tests that passed."""
    for one in sorted(words.required - shown.keys() - words.awaited, key=in_order):
        yield f"{one} ({words.titles[one]}) has no test that passes: mark one, or name it in `awaited` of {WORDS}"
    for one in sorted(words.awaited & shown.keys(), key=in_order):
        yield f"{one} has a test now: take it off `awaited` of {WORDS}"


@dataclass(eq=False)
class Run:
    """One run of pytest; with several workers, that of the process that hands out the tests. `skipped`: tests that this machine
    cannot run show nothing, and stay in the document. `left_out`: marked tests were deselected.
    """

    words: Words
    shown: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    skipped: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    left_out: bool = False
    faults: list[str] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """An unknown id is an error of its file."""
        report = yield
        items = [one for one in report.result or () if isinstance(one, pytest.Item)]
        marked = [(item.name, one) for item in items for one in ids_of(item)]
        unknown = [f"{name}: {one!r}" for name, one in marked if one not in self.words.titles]
        if unknown:
            report.outcome, report.result = "failed", []
            report.longrepr = f"no such requirement in {WORDS}: {'; '.join(unknown)}"
        return report

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """What a test shows travels with its report, from worker to main process."""
        item.user_properties += [(MARK, one) for one in ids_of(item)]

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.left_out |= any(ids_of(item) for item in items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped or (report.when == "call" and report.passed):
            into = self.skipped if report.skipped else self.shown
            for name, one in report.user_properties:
                if name == MARK:
                    into[str(one)].add(report.nodeid.partition("[")[0])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.left_out |= getattr(node, "workeroutput", {}).get(MARK, True)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        config = session.config
        if hasattr(config, "workeroutput"):
            config.workeroutput[MARK] = self.left_out
            return
        writes = config.getoption("--write-requirements")
        if exitstatus != pytest.ExitCode.OK or self.left_out or not is_whole(config):
            self.faults += (
                [f"{DOCUMENT} was not written: not every marked test ran and passed"] if writes else []
            )
        else:
            self.faults += self._judge(config.rootpath / DOCUMENT, writes=writes)
        if self.faults and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self, document: Path, *, writes: bool) -> Iterator[str]:
        yield from compare(self.words, self.shown)
        ids = {*self.shown, *self.skipped}
        text = write(self.words, {one: self.shown[one] | self.skipped[one] for one in ids})
        if writes:
            document.parent.mkdir(exist_ok=True)
            document.write_text(text, encoding="utf-8")
        elif not document.exists() or document.read_text(encoding="utf-8") != text:
            yield f"{DOCUMENT} is not what the tests show: run `make requirements`"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.faults:
            terminalreporter.section("requirements", red=True)
            for fault in self.faults:
                terminalreporter.write_line(fault)


def ids_of(item: pytest.Item) -> list[str]:
    return [str(mark.args[0]) if mark.args else "" for mark in item.iter_markers(MARK)]


def is_whole(config: pytest.Config) -> bool:
    """All of the test paths, and none of them ignored or only looked at."""
    start, option = config.invocation_params.dir, config.option
    given = {(start / one).resolve() for one in config.args}
    paths = {(config.rootpath / one).resolve() for one in config.getini("testpaths")}
    return given == paths and not (option.ignore or option.ignore_glob or option.collectonly)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-requirements", action="store_true", help=f"write {DOCUMENT} from the tests that pass"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Run(read_words(config.rootpath)), "requirements-run")
