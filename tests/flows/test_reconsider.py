"""Orders that parked for something in the ERP go by themselves once it is mended there; nothing else is let go."""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

from app.domain.erp import Customer, Product, Quote
from app.domain.errors import DestinationError, PermanentError
from app.domain.rows import TABLES
from app.flows.reconsider import draft, release_mended
from app.mappings.write import put
from tests.domain.shop import FACTS, line, make_order
from tests.flows.stage import SHOP, Stage, order_of


async def look(stage: Stage, size: int = 200) -> int:
    done = await release_mended(stage.ctx, size)
    await stage.drain()
    return done


def learn(stage: Stage, *codes: str) -> None:
    products = {code: Product(code, "", active=True) for code in codes}
    stage.books.facts = replace(FACTS, products={**FACTS.products, **products})


async def write(stage: Stage, table: str, **row: object) -> None:
    """A row, without what its writing would release."""
    async with stage.pool.acquire() as conn, conn.transaction():
        await put(conn, table, [TABLES[table].model_validate(row)], actor="ann", reason="it was missing")


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


async def test_what_is_mended_in_the_erp_does_not_go_while_people_here_have_not_done_their_part(
    stage: Stage,
) -> None:
    """It would be let go and parked again at every look."""
    await stage.accept(replace(order_of("1", "GHOST"), currency="SEK"))
    assert sorted(await stage.cases()) == ["E-CCY-UNMAPPED", "E-SKU-UNKNOWN"]
    learn(stage, "GHOST")
    assert (await look(stage), await look(stage)) == (0, 0)
    await write(stage, "customers", connection="uk", currency="SEK", reference="WEBSEK")
    held = Customer("WEBSEK", "SEK", on_hold=True)
    stage.books.facts = replace(stage.books.facts, customers={**FACTS.customers, "WEBSEK": held})
    assert (await look(stage), await stage.cases()) == (1, ["E-CUST-ONHOLD"])
    assert await look(stage) == 0


class Prices:
    """The ERP's, each unit at 20.00; `asked`: every quote that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Quote] = []

    async def tell(self, quotes: Collection[Quote]) -> dict[Quote, Decimal]:
        self.asked += quotes
        return dict.fromkeys(quotes, Decimal("20.00"))


def with_prices(stage: Stage) -> tuple[Stage, Prices]:
    """The shop's prices are compared with the ERP's."""
    prices = Prices()
    channel = replace(stage.ctx.channels[SHOP], tolerances={"1": Decimal(0)})
    erp = replace(stage.ctx.erp, prices=prices.tell)
    return replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}, erp=erp)), prices


async def test_no_price_is_asked_for_at_a_look(stage: Stage) -> None:
    stage, prices = with_prices(stage)
    await stage.accept(order_of("1", "TEE", "GHOST"), order_of("2", "GHOST"))
    prices.asked.clear()
    assert (await release_mended(stage.ctx), prices.asked) == (0, [])
    learn(stage, "GHOST")
    assert (await release_mended(stage.ctx), prices.asked) == (2, [])
    await stage.drain()
    assert sorted(stage.sent()) == ["CEN-1", "CEN-2"]


async def test_a_price_that_is_still_wrong_keeps_the_case_that_says_so_and_nothing_else(stage: Stage) -> None:
    stage, prices = with_prices(stage)
    order = make_order(line("TEE", "30.00"), line("GHOST", "24.00"), gross="54.00", tax="9.00", ref="1")
    await stage.accept(order)
    assert sorted(await stage.cases()) == ["E-PRICE-MISMATCH", "E-SKU-UNKNOWN"]
    learn(stage, "GHOST")
    assert (await look(stage), await stage.cases()) == (1, ["E-PRICE-MISMATCH"])
    prices.asked.clear()
    assert (await look(stage), prices.asked) == (0, [])


async def test_an_account_that_only_the_price_leads_to_is_no_reason_to_try_at_every_look(
    stage: Stage,
) -> None:
    """Goods without a price of their own, and a posting rule for goods of this price only."""
    await write(stage, "posting_rules", rule="dear", position=8, value_from="10", nominal="49999")
    stage, _ = with_prices(stage)
    tee = replace(FACTS.products["TEE"], tax_rate=Decimal(20))
    stage.books.facts = replace(FACTS, products={**FACTS.products, "TEE": tee})
    bare = make_order(line("TEE", "0", rate="0"), gross="0", tax="0", ref="1", unpriced=("TEE",))
    await stage.accept(bare)
    assert await stage.cases() == ["E-NOMINAL-UNKNOWN"]
    assert (await look(stage), await look(stage)) == (0, 0)
    known = frozenset({*FACTS.nominals, ("49999", "", "")})
    stage.books.facts = replace(stage.books.facts, nominals=known)
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
