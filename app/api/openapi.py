"""Exports the contract: `python -m app.api.openapi openapi/sluice.json`."""

import json
import sys
from pathlib import Path

from app.api.compose import compose


def text() -> str:
    """Sorted, so that a change of the contract is a readable diff."""
    return json.dumps(compose().openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(path: Path) -> None:
    path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
