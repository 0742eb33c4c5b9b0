import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from app.embedded.errors import EmbeddedError, EndedError
from app.embedded.supervise import Child, Process, until_ready, wait_gone
from tests.embedded.waiting import left

POLITE = "import signal,sys; signal.signal(signal.{0}, lambda *_: (print('bye', flush=True), sys.exit(3))); "
SAY_UP = "print('up', flush=True); "
WAIT = "\nwhile True: signal.pause()"


def run(tmp_path: Path, code: str, **more: object) -> Process:
    return Process(Child("child", [sys.executable, "-u", "-c", code], tmp_path / "child.log", **more))


async def said(process: Process, word: str) -> None:
    async def answers() -> bool:
        return word in process.tail()

    await until_ready(process, answers, seconds=20)


async def test_exit_code_is_the_childs(tmp_path: Path) -> None:
    process = run(tmp_path, "raise SystemExit(7)")
    assert await process.ended() == 7
    assert process.stop() == 7


@pytest.mark.parametrize("polite", [signal.SIGTERM, signal.SIGINT])
async def test_stop_asks_in_the_childs_own_manner(tmp_path: Path, polite: signal.Signals) -> None:
    process = run(tmp_path, POLITE.format(polite.name) + SAY_UP + WAIT, polite=polite)
    await said(process, "up")
    assert process.stop() == 3
    assert process.tail() == "up\nbye"


async def test_stop_insists_after_the_grace(tmp_path: Path) -> None:
    process = run(
        tmp_path, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SAY_UP + WAIT, grace=1
    )
    await said(process, "up")
    group = psutil.Process(process.pid).children(recursive=True)
    assert process.stop() == -signal.SIGKILL
    assert left(group) == []


async def test_stop_at_once_leaves_nothing(tmp_path: Path) -> None:
    """However early: before the shell has read its script, or the child has begun."""
    processes = [run(tmp_path, "import signal" + WAIT) for _ in range(5)]
    wait_gone(processes)
    assert [left([psutil.Process(p.pid)]) for p in processes if psutil.pid_exists(p.pid)] == []


async def test_death_of_the_child_takes_the_watchdog_along(tmp_path: Path) -> None:
    process = run(tmp_path, "import signal; " + SAY_UP + WAIT)
    await said(process, "up")
    group = psutil.Process(process.pid).children(recursive=True)
    child = next(one for one in group if "python" in Path(one.exe()).name)
    child.kill()
    assert await process.ended() == 128 + signal.SIGKILL
    assert left(group) == []
    process.stop()


async def test_crash_ends_child_and_watchdog_at_once(tmp_path: Path) -> None:
    process = run(tmp_path, POLITE.format("SIGTERM") + SAY_UP + WAIT)
    await said(process, "up")
    group = psutil.Process(process.pid).children(recursive=True)
    process.send(signal.SIGKILL)
    assert await process.ended() == -signal.SIGKILL
    assert left(group) == []
    assert process.tail() == "up"
    process.stop()


async def test_ctrl_c_of_ours_does_not_reach_the_child(tmp_path: Path) -> None:
    process = run(tmp_path, "import signal; " + SAY_UP + WAIT)
    await said(process, "up")
    assert os.getsid(process.pid) != os.getsid(0)
    process.stop()


async def test_not_ready_tells_what_the_child_said_last(tmp_path: Path) -> None:
    process = run(tmp_path, "raise SystemExit('no such disk')")

    async def never() -> bool:
        return False

    with pytest.raises(EndedError, match=r"(?s)child ended with code 1.*no such disk"):
        await until_ready(process, never, seconds=20)
    process.stop()


async def test_silence_ends_the_waiting(tmp_path: Path) -> None:
    process = run(tmp_path, "import signal" + WAIT)

    async def never() -> bool:
        await asyncio.Event().wait()
        return False

    with pytest.raises(EmbeddedError, match="child did not answer within 0 s"):
        await until_ready(process, never, seconds=0.01)
    process.stop()


async def test_environment_is_only_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SECRET", "hush")
    process = run(tmp_path, "import os; print(sorted(os.environ))", env={"GIVEN": "1"})
    await process.ended()
    assert "GIVEN" in process.tail()
    assert "SLUICE_SECRET" not in process.tail()
    process.stop()
