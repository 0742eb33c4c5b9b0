import asyncio
import signal

import psutil
import pytest

from tests.cli.process import running
from tests.cli.test_preflight import CENTRA, SAGE

ROLES = ("api", "worker", "exporter")


@pytest.fixture
def alone(env):
    """Without servers of its own: `up --embedded` brings them."""
    return {
        name: text for name, text in env.items() if name not in {"SLUICE_DATABASE_URL", "SLUICE_REDIS_URL"}
    }


async def test_up_runs_all_roles_restarts_them_and_leaves_nothing(alone):
    async with running("up", "--embedded", env={**alone, **CENTRA, **SAGE}) as machine:
        for role in ROLES:
            assert (await machine.process.stderr.readline()).startswith(f"{role} is ready: http".encode())
        family = psutil.Process(machine.process.pid).children(recursive=True)
        first = machine.told("exporter")["pid"]
        psutil.Process(first).send_signal(signal.SIGKILL)
        await machine.until(lambda: machine.replaced("exporter", first))
        await machine.answers("exporter", "/readyz")
        family += psutil.Process(machine.process.pid).children(recursive=True)
        assert await machine.end(signal.SIGTERM) == 0
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=20)
    assert alive == []


async def test_up_without_a_database_says_how(alone):
    async with running("up", env=alone) as machine:
        _, said = await machine.process.communicate()
    assert machine.process.returncode == 1
    assert b"SLUICE_DATABASE_URL is missing" in said
