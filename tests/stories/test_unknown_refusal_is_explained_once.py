"""Sage refuses in words that nobody knows: nothing is lost, and one row says what they mean for all that met them."""

import pytest

from tests.stories.town import until

TEXT = "Der Datensatz {record} wird von {user} bearbeitet."
WORKED_AT = {"customer": "WEBGBP", "user": "jsmith"}


async def lock(town) -> None:
    await town.people("sage200/lock", **WORKED_AT)


async def let_go(town) -> None:
    """Whoever it was, saves and leaves; what waits for a lock need not be waited for here."""
    await town.people("sage200/unlock", **WORKED_AT)
    await town.pool.execute(
        "UPDATE message_state AS s SET due_at = now() FROM message AS m WHERE m.id = s.id AND m.cls = 'effect'"
    )


async def waiting(town) -> int:
    """Orders that are to be tried again later."""
    return await town.pool.fetchval(
        """
        SELECT count(*) FROM message_state AS s JOIN message AS m USING (id)
        WHERE m.cls = 'effect' AND s.state IN ('waiting', 'ready') AND s.due_at > now() + interval '1 s'
        """
    )


@pytest.mark.requirement("R-54")
async def test_a_lock_in_unknown_words_parks_as_it_was_said_and_a_phrase_makes_it_a_lock(town):
    await town.sandbox.switch(sage200__locked_text=TEXT)
    await lock(town)
    orders = [await town.place(sku) for sku in town.skus[:3]]
    await town.heard(3)
    assert (await town.documents(), await town.cases()) == ([], ["E-SAGE-UNKNOWN"] * 3)
    (group,) = (await town.api.get("/api/v1/exceptions/groups", headers=await town.headers())).json()["items"]
    assert (group["cases"], "jsmith bearbeitet" in group["value"]) == (3, True)
    done = await town.map("phrases", {"phrase": "wird von * bearbeitet", "cause": "locked"})
    assert len(done["released"]) == 3

    async def all_wait() -> bool:
        return await waiting(town) == len(orders)

    await until(all_wait)
    assert (await town.documents(), await town.cases()) == ([], [])
    await let_go(town)
    for order in orders:
        assert len(await town.posted(order)) == 1


@pytest.mark.requirement("R-54")
async def test_a_phrase_for_other_words_releases_nothing(town):
    await town.sandbox.switch(sage200__locked_text=TEXT)
    await lock(town)
    order = await town.place()
    await town.heard()
    done = await town.map("phrases", {"phrase": "is being looked at", "cause": "locked"})
    assert done["released"] == []
    assert (await town.states(order), await town.cases()) == (["parked"], ["E-SAGE-UNKNOWN"])
