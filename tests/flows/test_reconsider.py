"""Orders that parked for something in the ERP go by themselves once it is mended there; nothing else is let go."""

from dataclasses import replace

from app.domain.erp import Customer, Product
from app.domain.errors import DestinationError, PermanentError
from app.flows.reconsider import draft, release_mended
from tests.domain.shop import FACTS
from tests.flows.stage import Stage, order_of


async def look(stage: Stage, size: int = 200) -> int:
    done = await release_mended(stage.ctx, size)
    await stage.drain()
    return done


def learn(stage: Stage, *codes: str) -> None:
    products = {code: Product(code, "", active=True) for code in codes}
    stage.books.facts = replace(FACTS, products={**FACTS.products, **products})


async def test_orders_go_in_the_order_in_which_they_came_once_the_erp_has_their_goods(stage: Stage) -> None:
    await stage.accept(*(order_of(ref, "GHOST") for ref in ("5", "3", "9", "1", "7")))
    assert (await look(stage), stage.sent()) == (0, [])
    learn(stage, "GHOST")
    assert await look(stage, 2) == 5
    assert stage.sent() == ["CEN-5", "CEN-3", "CEN-9", "CEN-1", "CEN-7"]
    row = await stage.pool.fetchrow(
        "SELECT actor, reason FROM audit WHERE action = 'exceptions.retry' LIMIT 1"
    )
    assert tuple(row) == ("sluice", "mended in the ERP")


async def test_what_still_misses_something_keeps_its_case(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST", "WRAITH"))
    opened = await stage.pool.fetchval("SELECT opened_at FROM exception_case")
    learn(stage, "GHOST")
    assert await look(stage) == 0
    assert await stage.pool.fetchval("SELECT opened_at FROM exception_case WHERE closed_at IS NULL") == opened


async def test_an_account_that_is_released_in_the_erp_lets_its_orders_go(stage: Stage) -> None:
    held = Customer("WEBGBP", "GBP", on_hold=True)
    stage.books.facts = replace(FACTS, customers={**FACTS.customers, "WEBGBP": held})
    await stage.accept(order_of("1"))
    assert (await stage.cases(), await look(stage)) == (["E-CUST-ONHOLD"], 0)
    stage.books.facts = FACTS
    assert (await look(stage), stage.sent()) == (1, ["CEN-1"])


async def test_what_the_erp_itself_refused_waits_for_a_person(stage: Stage) -> None:
    """No plan can tell whether it would refuse again: it would be tried for ever."""
    stage.books.script = [PermanentError("E-SKU-UNKNOWN", "no product TEE")]
    await stage.accept(order_of("1"))
    assert (await look(stage), await stage.cases()) == (0, ["E-SKU-UNKNOWN"])


async def test_it_comes_back_by_itself_also_after_a_failure(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    await stage.append(draft(stage.ctx.erp))
    stage.books.facts_fail = [DestinationError("down")]
    for _ in range(3):
        await stage.drain()
        assert (await stage.state("sage200.reconsider"))["state"] == "ready"
        stage.later(120)
    learn(stage, "GHOST")
    await stage.drain()
    assert (stage.sent(), await stage.cases()) == (["CEN-1"], [])


async def test_two_workers_release_an_order_once(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    learn(stage, "GHOST")
    assert [await release_mended(stage.ctx), await release_mended(stage.ctx)] == [1, 0]


async def test_a_look_up_that_is_refused_for_one_order_holds_up_no_other(stage: Stage) -> None:
    await stage.accept(*(order_of(ref, "GHOST") for ref in ("1", "2", "3")))
    learn(stage, "GHOST")
    stage.books.facts_fail = [PermanentError("E-SAGE-FORBIDDEN", "prices")] * 2
    assert (await look(stage), stage.sent()) == (2, ["CEN-2", "CEN-3"])
    assert await look(stage) == 1
