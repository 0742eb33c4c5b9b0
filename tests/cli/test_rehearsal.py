"""The commands of a first day, against the sandbox."""

import asyncio
from pathlib import Path

import pytest

from tests.cli.process import CLI, ROOT
from tests.sandbox.conftest import running_sandbox

EXAMPLE = ROOT / "examples" / "mappings" / "sandbox.toml"


@pytest.fixture
async def first_day(env, tmp_path: Path):
    async with running_sandbox(tmp_path / "vendors") as sandbox:
        seeds = {"catalogue": {"skus": 20}, "centra": {"tokens": [{"token": "t", "integration": "gateway"}]}}
        sage = (await sandbox.client.post("/_sandbox/seed", json=seeds)).json()["sage200"]
        yield {
            **env,
            "SLUICE_CENTRA__uk__BASE_URL": f"{sandbox.url}/centra/graphql",
            "SLUICE_CENTRA__uk__TOKEN": "t",
            "SLUICE_CENTRA__uk__PREFIX": "UK",
            "SLUICE_CENTRA__uk__WEBHOOK_SECRETS": "s",
            "SLUICE_SAGE200__BASE_URL": f"{sandbox.url}/sage200/uk/sage200extra/accounts/v1",
            "SLUICE_SAGE200__TOKEN_URL": f"{sandbox.url}/sage200/oauth/token",
            "SLUICE_SAGE200__CLIENT_ID": sage["client_id"],
            "SLUICE_SAGE200__CLIENT_SECRET": sage["client_secret"],
            "SLUICE_SAGE200__REFRESH_TOKEN": sage["refresh_token"],
            "SLUICE_SAGE200__SITE": sage["site_id"],
            "SLUICE_SAGE200__COMPANY": str(sage["company_id"]),
        }


async def sluice(*args, env):
    process = await asyncio.create_subprocess_exec(
        *CLI, *args, env=env, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, said = await process.communicate()
    return process.returncode, out.decode() + said.decode()


async def test_first_day_goes_from_an_import_to_a_clean_preflight(first_day):
    code, said = await sluice("preflight", env=first_day)
    assert (code, "E-REQFIELD" in said) == (1, True), said
    code, said = await sluice(
        "mappings", "import", str(EXAMPLE), "--reason", "first load", "--apply", env=first_day
    )
    assert code == 0, said
    code, said = await sluice("mappings", "lint", env=first_day)
    assert (code, "0 problems." in said) == (0, True), said
    code, said = await sluice("preflight", env=first_day)
    assert code == 0, said


async def test_preflight_finds_a_company_that_the_user_does_not_have(first_day):
    wrong = {**first_day, "SLUICE_SAGE200__COMPANY": "99"}
    code, said = await sluice("preflight", env=wrong)
    assert (code, "company 99" in said) == (1, True), said
