"""How a peer's process talks to the bench: `ready`, then it waits for `go`, then it tells how many jobs it has done."""

import asyncio
import json
import os
import sys
import threading
from pathlib import Path
from time import sleep
from typing import Any

EVERY_SECONDS = 0.02


class Tally:
    """`done` rises with each job; a thread tells it, so that the jobs need not."""

    def __init__(self) -> None:
        self.done = 0

    async def start(self) -> None:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for duty in (self._tell, _end_with_the_bench):
            threading.Thread(target=duty, daemon=True).start()

    def _tell(self) -> None:
        told = 0
        while True:
            if self.done != told:
                told = self.done
                print(told, flush=True)
            sleep(EVERY_SECONDS)


def _end_with_the_bench() -> None:
    sys.stdin.read()
    os._exit(0)


def jobs_of(path: str) -> list[dict[str, Any]]:
    """What is to be queued: `ref` and `skus` of each job."""
    jobs: list[dict[str, Any]] = json.loads(Path(path).read_text())
    return jobs
