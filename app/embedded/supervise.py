"""A child process that never outlives us, however we end.

The child runs below a shell that reads a pipe of which we hold the other end. When we close it, or die of anything,
SIGKILL included, the shell ends the child: first politely, then by force. (No parent-death signal: macOS has none.)
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.embedded.errors import EmbeddedError, EndedError

# TERM to the shell asks the child to end in its own manner. The shell reports how it ended, and takes along what is left
# of the group; it reaps all it started, since not every container has an init that does.
_WATCHDOG = """
polite=$1 grace=$2; shift 2
trap 'asked=1; [ -z "$child" ] || kill -s "$polite" "$child"' TERM
exec 3<&0 </dev/null
"$@" 3<&- & child=$!
{ read -r _; kill -s "$polite" "$child"; sleep "$grace"; kill -s KILL 0; } <&3 >/dev/null 2>&1 &
exec 3<&-
[ -z "$asked" ] || kill -s "$polite" "$child"
wait "$child"; code=$?
while kill -s 0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
trap '' TERM
kill -s TERM 0
wait
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a child runs as, when we are root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Child:
    """What to run. `log` takes both outputs. `polite`: how it is asked to end, `grace` seconds before it is made to.
    `hold`: a locked file descriptor that stays locked until the last process of the child is gone.
    """

    name: str
    argv: Sequence[str | Path]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    account: Account | None = None
    polite: signal.Signals = signal.SIGTERM
    grace: int = 10
    hold: int | None = None


class Process:
    """A running child. It has a session of its own, so that Ctrl-C reaches us alone and we choose the order."""

    def __init__(self, child: Child) -> None:
        self.name = child.name
        self.log = child.log
        self._grace = child.grace
        child.log.parent.mkdir(parents=True, exist_ok=True)
        argv = [str(part) for part in child.argv]
        with child.log.open("ab") as out:
            self._popen = subprocess.Popen(  # noqa: S603 - argv comes from our own code, never from input
                ["/bin/sh", "-c", _WATCHDOG, "watchdog", child.polite.name[3:], str(child.grace), *argv],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env={"PATH": os.defpath, **child.env},
                cwd=child.cwd,
                user=child.account.uid if child.account else None,
                group=child.account.gid if child.account else None,
                extra_groups=[] if child.account else None,
                pass_fds=() if child.hold is None else (child.hold,),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process group: the watchdog and the child."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; above 128 or below 0 when a signal ended it."""
        return self._popen.poll()

    def require_alive(self) -> None:
        """Raises EndedError with the end of its log."""
        if (code := self.exit_code()) is not None:
            raise EndedError(f"{self.name} ended with code {code}:\n{self.tail()}")

    def tail(self, lines: int = 12) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) or "(it said nothing)"

    async def ended(self) -> int:
        """Waits for it to end by itself."""
        while (code := self.exit_code()) is None:  # noqa: ASYNC110 - nobody sets an event for a process
            await asyncio.sleep(0.05)
        return code

    def send(self, number: signal.Signals) -> None:
        """To the whole group at once: SIGKILL is a crash, SIGSTOP a pause, of the child and its watchdog."""
        if self.exit_code() is None:
            os.killpg(self.pid, number)

    def ask_to_stop(self) -> None:
        """Returns at once, so that several can end side by side."""
        if self.exit_code() is None:
            self._popen.terminate()

    def stop(self) -> int:
        """Asks, waits, and in the end insists."""
        self.ask_to_stop()
        try:
            self._popen.wait(timeout=self._grace)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
        self._popen.communicate()
        return self._popen.returncode


@dataclass(frozen=True, slots=True)
class Server:
    process: Process
    url: str
    port: int


def wait_gone(processes: Sequence[Process]) -> None:
    """Ends all side by side, and returns when the last is gone."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop()


async def until_ready(process: Process, answers: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Returns at the first true answer; raises EmbeddedError when the child ends or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            while not await answers():
                process.require_alive()
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise EmbeddedError(
            f"{process.name} did not answer within {seconds:.0f} s:\n{process.tail()}"
        ) from None
    process.require_alive()


async def start_patiently(start: Callable[[], Awaitable[Server]]) -> Server:
    """Starts again when a server ends at once: somebody took the free port, or what a killed one left is not gone yet."""
    for _ in range(2):
        try:
            return await start()
        except EndedError:
            await asyncio.sleep(0.3)
    return await start()
