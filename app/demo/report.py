"""The report: verdicts from the sandbox, and the few figures that only Sluice can tell."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.demo import books
from app.demo.faults import Profile, rename
from app.demo.play import Player
from app.demo.script import OLD_SKU, Day
from app.demo.sight import Sight, asked, entered
from app.demo.stage import CONNECTIONS, Stage, pace, timeout
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

    parked: Mapping[str, int]
    flagged: Mapping[str, int]
    in_doubt: int
    aside: Mapping[books.Name, str]
    unaccounted: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """`fields` as the contract names them; `complaints`: why it is not in step."""

    fields: Doc
    complaints: list[str] = field(default_factory=list)


async def look_at_orders(scene: Scene) -> list[Asked]:
    """Every order as the channel shows it now."""
    stores = {one.store: one for one in CONNECTIONS}
    shown = [await scene.stage.vendors.order(number) for number in scene.sight.orders]
    aliases = {OLD_SKU: scene.day.alias}
    return [
        asked(order, stores[order["store"]].name, stores[order["store"]].prefix, aliases) for order in shown
    ]


def look_at_sage(scene: Scene) -> list[Entered]:
    ids: dict[str, int] = scene.stage.seeded["sage200"]["ids"]["currency"]
    currencies = {number: code for code, number in ids.items()}
    return entered(scene.sight.documents, scene.sight.created, currencies)


def pass_verdict(orders: Sequence[Asked], scene: Scene, aside: Mapping[books.Name, str]) -> Verdict:
    spans = {order.key: span for order in orders if (span := scene.sight.span(order.number)) is not None}
    exempt = frozenset(order.key for order in orders if (order.connection, str(order.number)) in aside)
    return judge(orders, look_at_sage(scene), spans, exempt)


async def count_faults(scene: Scene) -> dict[str, int]:
    counts = Counter({kind: 0 for kind in scene.profile.kinds()})
    counts.update({rename(kind): count for kind, count in (await scene.stage.vendors.fault_counts()).items()})
    for process, kills in scene.stage.crew.kills.items():
        counts[f"{process.partition('-')[0]}_killed"] += kills
    return dict(counts)


async def write_report(scene: Scene, figures: Figures, seconds: float) -> Report:
    orders = await look_at_orders(scene)
    verdict = pass_verdict(orders, scene, figures.aside)
    faults = await count_faults(scene)
    complaints = [*verdict.complaints(), *_complain(figures, scene, faults)]
    sight = scene.sight
    fields: Doc = {
        "in_step": not complaints,
        "accepted": sight.events["accepted"],
        "duplicates": sight.events["duplicates"],
        "rejected": sight.events["rejected"],
        "orders": dict(Counter(order.connection for order in orders)),
        "cancelled": sum(order.cancelled for order in orders),
        "sales_orders": sight.live(),
        "sales_orders_doubled": verdict.sales_orders_doubled,
        "doubled_by": dict(verdict.doubled),
        "order_violations": len(verdict.violations),
        "violating_pairs": [list(pair) for pair in verdict.violations[:20]],
        "stepped_aside": dict(Counter(figures.aside.values())),
        "unaccounted": figures.unaccounted,
        "parked": dict(figures.parked),
        "flagged": dict(figures.flagged),
        "in_doubt": figures.in_doubt,
        "unfixable": [],
        "mapped": scene.player.mapped,
        "stock_published": {one.name: sight.published for one in CONNECTIONS},
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
    return Report(fields, complaints)


def _complain(figures: Figures, scene: Scene, faults: Mapping[str, int]) -> list[str]:
    said = [f"{count} parked as {code}" for code, count in figures.parked.items()]
    said += [f"{count} flagged as {code}" for code, count in figures.flagged.items()]
    if figures.in_doubt:
        said.append(f"{figures.in_doubt} in doubt")
    if figures.unaccounted is None:
        said.append("the exporter did not tell how many messages are unaccounted for")
    elif figures.unaccounted:
        said.append(f"{figures.unaccounted} messages unaccounted for")
    said += [f"no fault of the kind {kind} happened" for kind in scene.profile.kinds() if not faults[kind]]
    return said


def urls(stage: Stage) -> dict[str, str]:
    api, ports = stage.gateway.url, stage.ports
    return {
        "api": f"{api}/docs",
        "openapi": f"{api}/openapi.json",
        **{f"metrics_{name}": f"{ports.url(port)}/metrics" for name, port in ports.metrics.items()},
        "sandbox_history": f"{stage.vendors.url}/_sandbox/history",
    }


def save(report: Report, path: Path) -> None:
    path.write_text(json.dumps(report.fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
