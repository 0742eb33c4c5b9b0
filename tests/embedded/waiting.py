from collections.abc import Iterable

import psutil


def left(processes: Iterable[psutil.Process], seconds: float = 15) -> list[psutil.Process]:
    """Those that still run when the time is over. A zombie is gone: only its parent, or an init, has yet to notice."""
    running = [process for process in processes if process.is_running()]
    slices = int(seconds / 0.05)
    for _ in range(slices):
        running = [process for process in running if not _ended(process)]
        if not running:
            break
        psutil.wait_procs(running, timeout=0.05)
    return running


def _ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
