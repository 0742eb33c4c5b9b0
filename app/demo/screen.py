"""What a person sees while the day runs: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

PLAIN_SECONDS = 5.0


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._live: Live | None = None
        self._last = float("-inf")

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While inside, `show` is seen at once."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=4, transient=True) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def show(self, progress: Mapping[str, Any], now: float) -> None:
        """`now`: seconds since the day began."""
        if self._live is not None:
            self._live.update(_table({"seconds": f"{now:.0f}", **progress}))
        elif not self._console.is_terminal and now - self._last >= PLAIN_SECONDS:
            self._last = now
            told = ", ".join(f"{name} {value}" for name, value in progress.items())
            self.tell(f"  {now:4.0f} s  {told}")

    def report(self, fields: Mapping[str, Any]) -> None:
        self.tell("")
        for name, value in fields.items():
            if name not in {"complaints", "urls"}:
                self.tell(f"{name:>22}  {_say(value)}")
        self.tell("")
        self.tell("All is in step." if fields["in_step"] else "Not in step.")
        for complaint in fields["complaints"]:
            self.tell(f"  - {complaint}")
        for name, url in fields["urls"].items():
            self.tell(f"{name:>22}  {url}")


def _table(progress: Mapping[str, Any]) -> Table:
    table = Table(*progress)
    table.add_row(*(str(value) for value in progress.values()))
    return table


def _say(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_say(one)}" for name, one in value.items()) or "-"
    if isinstance(value, list):
        return "; ".join(_say(one) for one in value) or "-"
    return str(value)
