"""The real command, started as a process."""

import asyncio
import signal
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.embedded.folder import published

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, "-m", "app.cli.main"]


class Running:
    def __init__(self, process, folder: Path) -> None:
        self.process = process
        self.folder = folder

    def told(self, role: str):
        return published(self.folder / "run.json").get(role)

    async def answers(self, role: str, path: str):
        """The first success of a role's probe."""
        async with httpx.AsyncClient() as client:
            return await self.until(lambda: self._ask(client, role, path))

    async def _ask(self, client, role, path):
        told = self.told(role)
        try:
            reply = await client.get(told["metrics"] + path) if told else None
        except httpx.TransportError:
            return None
        return reply.text if reply is not None and reply.is_success else None

    async def until(self, look):
        """The first answer that is one; fails with what the process said when it ends before."""
        async with asyncio.timeout(60):
            while self.process.returncode is None:
                if answer := await look():
                    return answer
                await asyncio.to_thread(threading.Event().wait, 0.02)
        raise AssertionError((await self.process.stderr.read()).decode())

    async def replaced(self, role: str, pid: int):
        told = self.told(role)
        return told is not None and told["pid"] != pid

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(45):
            await self.process.communicate()
        return self.process.returncode


@asynccontextmanager
async def running(*args, env):
    process = await asyncio.create_subprocess_exec(
        *CLI, *args, env=env, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield Running(process, Path(env["SLUICE_RUN_DIR"]))
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
