"""Acknowledgements as files for Virtualstock's SFTP server, the only place that takes a supplier's own number
(virtualstock.md 9.1). They are laid into a folder; whatever job the merchant has carries them to `outgoing/` there, and brings
refusals back.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

HEAD = ("order_number", "supplier_ref", "test_flag")
LINE = (
    *("line_ref", "part_number", "quantity", "comments", "sub_status"),
    *("supplier_dispatch_date", "supplier_delivery_date", "fulfillment_route"),
)
DONE, REFUSED, FAILED = ".DONE", ".err", ".failed"
REFUSAL_MOST = 4096


@dataclass(frozen=True, slots=True)
class File:
    """`folder`: on the gateway's side. An order's file has one name for ever: written twice it is still one file."""

    folder: Path
    name: str

    def write(self, text: str) -> None:
        """Whole or not at all: a file counts once its empty `.DONE` lies beside it."""
        for ending in (DONE, REFUSED, f"{REFUSED}{DONE}", FAILED):
            self._beside(ending).unlink(missing_ok=True)
        draft = self.folder / f".{self.name}"
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(self.folder / self.name)
        self._beside(DONE).touch()

    def refusal(self) -> str | None:
        """What Virtualstock has against it; None while nothing is told."""
        if not self._beside(f"{REFUSED}{DONE}").exists():
            return None
        with self._beside(REFUSED).open(encoding="utf-8", errors="replace") as told:
            return " ".join(told.read(REFUSAL_MOST).split())

    def _beside(self, ending: str) -> Path:
        return self.folder / f"{self.name}{ending}"


def name_of(placed_at: datetime, channel_id: str) -> str:
    """`order-` and `yyyymmddhhmmss` with six digits, as Virtualstock's own."""
    return f"order-{placed_at:%Y%m%d%H%M%S}{int(channel_id) % 1_000_000:06d}.ack"


def spell(head: Mapping[str, str], items: Sequence[Mapping[str, Any]]) -> str:
    """Every cell quoted; the last row counts those before it. `items`: as `acknowledge` would send them."""
    rows = [HEAD, [head[name] for name in HEAD], LINE, *(_cells(item) for item in items)]
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows(rows)
    writer.writerow([len(rows)])
    return written.getvalue()


def _cells(item: Mapping[str, Any]) -> list[str]:
    named = {"comments": "comment"}
    return [str(item.get(named.get(name, name), "")) for name in LINE]
