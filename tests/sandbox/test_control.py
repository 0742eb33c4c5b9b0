import httpx
import pytest

from tests.sandbox.conftest import Running, running_sandbox


async def test_health_answers(sandbox: Running):
    assert (await sandbox.client.get("/_sandbox/health")).json()["ok"] is True
