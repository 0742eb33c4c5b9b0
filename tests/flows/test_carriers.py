"""Rows whose carrier left the channel's list."""

from dataclasses import dataclass, replace

import pytest

from app.domain.rows import TABLES
from app.flows import carriers
from app.flows.release import release
from app.mappings.write import put
from tests.flows.stage import SHOP, Stage
from tests.flows.test_release import case_ids


@dataclass
class Listed:
    """`slugs`: what the channel lists. A row of the mapping names `dpd`."""

    stage: Stage
    slugs: set[str]

    async def look(self) -> list[str]:
        """The next sweep; answers the open cases."""
        self.stage.later(self.stage.ctx.pace.sweep + 1)
        await self.stage.drain(SHOP)
        return await self.stage.cases()

    async def acknowledge(self) -> None:
        await release(self.stage.pool, await case_ids(self.stage), actor="ann", reason="known")


@pytest.fixture
async def listed(stage: Stage) -> Listed:
    row = TABLES["carriers"].model_validate({"connection": "uk", "courier": "DPD Next Day", "carrier": "dpd"})
    async with stage.pool.acquire() as conn, conn.transaction():
        await put(conn, "carriers", [row], actor="tests", reason="tests")
    slugs = {"dpd", "evri"}

    async def read() -> frozenset[str]:
        return frozenset(slugs)

    channel = replace(stage.ctx.channels[SHOP], carriers=read)
    await stage.append(carriers.draft(channel))
    return Listed(replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel})), slugs)


async def test_a_row_that_a_person_has_seen_is_not_flagged_again(listed: Listed) -> None:
    assert await listed.look() == []
    listed.slugs -= {"dpd"}
    assert await listed.look() == ["E-CARRIER-GONE"]
    assert await listed.look() == ["E-CARRIER-GONE"]
    await listed.acknowledge()
    assert (await listed.look(), await listed.look()) == ([], [])


@pytest.mark.parametrize("seen", [True, False])
async def test_a_row_that_goes_wrong_again_is_flagged_anew(listed: Listed, *, seen: bool) -> None:
    """A person has seen the time before, and knows nothing of this one."""
    listed.slugs -= {"dpd"}
    assert await listed.look() == ["E-CARRIER-GONE"]
    if seen:
        await listed.acknowledge()
    listed.slugs |= {"dpd"}
    assert await listed.look() == []
    listed.slugs -= {"dpd"}
    assert await listed.look() == ["E-CARRIER-GONE"]
