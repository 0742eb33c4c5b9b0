"""The report: verdicts from the sandbox, and the few figures that only Sluice can tell."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.demo import books, retail
from app.demo.faults import Profile, rename
from app.demo.play import Player
from app.demo.script import OLD_SKU, Day
from app.demo.sight import Sight, asked, entered
from app.demo.stage import CONNECTIONS, PREFIXES, Stage, pace, timeout
from app.demo.verdict import Asked, Entered, Verdict, judge

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """What was played, on what."""

    day: Day
    profile: Profile
    seed: int
    stage: Stage
    sight: Sight
    player: Player


@dataclass(frozen=True, slots=True)
class Figures:
    """What Sluice says of itself in the end."""

    cases: Sequence[books.Case]
    in_doubt: int
    aside: Mapping[books.Name, str]
    unaccounted: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """`fields` as the contract names them, and more. `well`: in step, and nothing else to complain of either."""

    fields: Doc
    well: bool


async def look_at_orders(scene: Scene) -> list[Asked]:
    """Every order as the channel shows it now."""
    stores = {one.store: one for one in CONNECTIONS}
    shown = [await scene.stage.vendors.order(number) for number in scene.sight.orders]
    aliases = {OLD_SKU: scene.day.alias}
    shops = [
        asked(order, stores[order["store"]].name, stores[order["store"]].prefix, aliases) for order in shown
    ]
    return [*shops, *(retail.asked(order, aliases) for order in scene.sight.sold.values())]


def look_at_sage(scene: Scene) -> list[Entered]:
    ids: dict[str, int] = scene.stage.seeded["sage200"]["ids"]["currency"]
    currencies = {number: code for code, number in ids.items()}
    return entered(scene.sight.documents, scene.sight.created, currencies)


def pass_verdict(orders: Sequence[Asked], scene: Scene, aside: Mapping[books.Name, str]) -> Verdict:
    """The order of acceptance is judged for the shops: a polled list tells when it was read, not what it was stored with."""
    spans = {
        order.key: span
        for order in orders
        if order.connection != retail.CONNECTION and (span := scene.sight.span(order.number)) is not None
    }
    exempt = frozenset(order.key for order in orders if (order.connection, str(order.number)) in aside)
    return judge(orders, look_at_sage(scene), spans, exempt)


async def count_faults(scene: Scene) -> dict[str, int]:
    counts = Counter(dict.fromkeys(scene.profile.kinds(), 0))
    counts.update({rename(kind): count for kind, count in (await scene.stage.vendors.fault_counts()).items()})
    for process, kills in scene.stage.crew.kills.items():
        counts[f"{process.partition('-')[0]}_killed"] += kills
    return dict(counts)


async def write_report(scene: Scene, figures: Figures, seconds: float) -> Report:
    orders = await look_at_orders(scene)
    verdict = pass_verdict(orders, scene, figures.aside)
    faults = await count_faults(scene)
    wrong = [*verdict.complaints(), *scene.sight.untold(PREFIXES), *_unsettled(figures)]
    complaints = [*wrong, *_complain(verdict, figures, scene, faults)]
    sight = scene.sight
    fields: Doc = {
        "in_step": not wrong,
        "accepted": sight.events["accepted"],
        "duplicates": sight.events["duplicates"],
        "rejected": sight.events["rejected"],
        "orders": dict(Counter(order.connection for order in orders)),
        "cancelled": sum(order.cancelled for order in orders),
        "sales_orders": sight.live(),
        "sales_orders_doubled": verdict.sales_orders_doubled,
        "doubled_by": dict(verdict.doubled),
        "order_violations": len(verdict.violations),
        "order_violations_across_connections": _count_across(verdict, orders),
        "violating_pairs": [_describe(pair, scene, orders) for pair in verdict.violations[:20]],
        "acknowledged": sum(_has(order, "acknowledge") for order in scene.sight.sold.values()),
        "despatched": sum(map(retail.is_despatched, scene.sight.documents.values())),
        "stepped_aside": dict(Counter(figures.aside.values())),
        "unaccounted": figures.unaccounted,
        "parked": dict(Counter(case.code for case in figures.cases if not case.flag)),
        "flagged": dict(Counter(case.code for case in figures.cases if case.flag)),
        "in_doubt": figures.in_doubt,
        "unfixable": [],
        "mapped": scene.player.mapped,
        "stock_published": {one.name: sight.published for one in CONNECTIONS} | {retail.CONNECTION: 0},
        "faults": faults,
        "restarts": dict(scene.stage.crew.falls),
        "seconds": round(seconds, 1),
        "profile": scene.profile.name,
        "seed": scene.seed,
        "scaled_seconds": pace(scene.profile) | {"SAGE200_TIMEOUT": timeout(scene.profile)},
        "preflight": scene.stage.preflight,
        "urls": urls(scene.stage),
        "complaints": complaints,
    }
    return Report(fields, not complaints)


def _has(order: Doc, action: str) -> bool:
    return all(any(one["action"] == action for one in line["sent"]) for line in order["lines"])


def _unsettled(figures: Figures) -> list[str]:
    said = [f"{case.order} is parked as {case.code} ({case.told})" for case in figures.cases if not case.flag]
    return [*said, *([f"{figures.in_doubt} in doubt"] if figures.in_doubt else [])]


def _complain(verdict: Verdict, figures: Figures, scene: Scene, faults: Mapping[str, int]) -> list[str]:
    """What is wrong beyond being out of step."""
    said = []
    if verdict.violations:
        said.append(
            f"{len(verdict.violations)} pairs of orders that share a SKU reached Sage in the wrong order"
        )
    if figures.unaccounted is None:
        said.append("the exporter did not tell how many messages are unaccounted for")
    elif figures.unaccounted:
        said.append(f"{figures.unaccounted} messages unaccounted for")
    said += [f"no fault of the kind {kind} happened" for kind in scene.profile.kinds() if not faults[kind]]
    return said


def _count_across(verdict: Verdict, orders: Sequence[Asked]) -> int:
    """Of the violations, those between two connections."""
    connections = {order.key: order.connection for order in orders}
    return sum(connections[first] != connections[second] for first, second in verdict.violations)


def _describe(pair: tuple[str, str], scene: Scene, orders: Sequence[Asked]) -> Doc:
    """When each was accepted, and its place in the sandbox's history."""
    known = {order.key: order for order in orders}
    created = {one.key: one.created for one in look_at_sage(scene)}
    spans = {key: scene.sight.span(known[key].number) for key in pair}
    return {
        key: {"accepted": asdict(span) if (span := spans[key]) else None, "created": created[key]}
        for key in pair
    }


def urls(stage: Stage) -> dict[str, str]:
    api, ports = stage.gateway.url, stage.ports
    return {
        "api": f"{api}/docs",
        "console": f"{api}/console",
        "openapi": f"{api}/openapi.json",
        **{f"metrics_{name}": f"{ports.url(port)}/metrics" for name, port in ports.metrics.items()},
        "sandbox_history": f"{stage.vendors.url}/_sandbox/history",
    }


def save(report: Report, path: Path) -> None:
    path.write_text(json.dumps(report.fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
