"""The scripted shopping day: plays it, waits until all is settled, reports, serves."""

import asyncio
import random
import signal
from datetime import UTC, datetime
from pathlib import Path

from app.demo import books
from app.demo.faults import PROFILES, Profile
from app.demo.play import Player
from app.demo.report import Figures, Report, Scene, save, write_report
from app.demo.screen import Screen
from app.demo.script import write_day
from app.demo.set_up import open_stage
from app.demo.sight import Sight
from app.demo.stage import PREFIXES, Stage, pace
from app.embedded.errors import EmbeddedError

LOOK_SECONDS = 0.4
STILL_SECONDS = 45.0
"""Without any change for so long, the day is over, settled or not."""
CALM_SECONDS = 2.5
"""More than two polls: what a lost notice left behind has been found by then."""
PARKED_SECONDS = 8.0
"""What is parked may be a draft that somebody deletes."""
TELL_SECONDS = 15.0


def main(orders: int, faults: str, seed: int, json: Path | None, once: bool) -> int:  # noqa: FBT001 - the command's flag
    """Exit code: 0 in step, 1 not, 130 interrupted before the report."""
    screen = Screen()
    try:
        report = asyncio.run(_until_told(screen, (orders, PROFILES[faults], seed), json, once=once))
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.tell("Interrupted; nothing is left running.")
        return 130
    except BaseExceptionGroup as group:
        error = _leaf(group)
        if not isinstance(error, EmbeddedError | OSError):
            raise
        screen.tell(f"The demo cannot go on: {error}")
        return 1
    return 0 if report.well else 1


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _until_told(
    screen: Screen, wish: tuple[int, Profile, int], json: Path | None, *, once: bool
) -> Report:
    size, profile, seed = wish
    _on_signal(signal.SIGTERM)
    screen.tell(f"Setting the stage: Postgres, Valkey, sandbox, Sluice ({profile.name}, seed {seed})")
    async with open_stage(profile, seed) as stage, asyncio.TaskGroup() as group:
        keepers = [group.create_task(stage.crew.keep(name)) for name in stage.crew.names()]
        times = ", ".join(f"{name.lower()} {seconds:g} s" for name, seconds in pace(profile).items())
        screen.tell(f"Times are scaled down: {times}")
        report = await _play(screen, size, (profile, seed), stage)
        if json is not None:
            save(report, json)
        screen.report(report.fields)
        if not once:
            screen.tell(f"The console opens with this day's key: {stage.gateway.key}")
            screen.tell("Serving until Ctrl-C.")
            await _told()
        for keeper in keepers:
            keeper.cancel()
    return report


async def _play(screen: Screen, size: int, wish: tuple[Profile, int], stage: Stage) -> Report:
    profile, seed = wish
    day = write_day(size, seed, stage.seeded["catalogue"], kills=profile.kills, calm=profile.calm)
    sight, clock = Sight(), asyncio.get_running_loop().time
    player = Player(stage, sight, random.Random(f"pace {seed}"), screen.tell)
    scene = Scene(day, profile, seed, stage, sight, player)
    began = clock()
    await stage.vendors.break_things(profile.rules())
    with screen.watching():
        async with asyncio.TaskGroup() as group:
            others = [
                group.create_task(_watch(screen, scene, began)),
                group.create_task(player.mind_drafts()),
            ]
            for step in day.steps:
                await player.play(step)
            screen.tell("All orders are placed; waiting until everything is settled")
            await _settle(scene)
            for other in others:
                other.cancel()
    seconds = clock() - began
    await _catch_up(scene)
    return await write_report(scene, await _ask_sluice(stage), seconds)


async def _watch(screen: Screen, scene: Scene, began: float) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        await _catch_up(scene)
        standing = await books.standing(scene.stage.pool)
        faults = await scene.stage.vendors.fault_counts()
        progress = {
            "placed": f"{len(scene.sight.orders) + len(scene.sight.sold)}/{scene.day.orders}",
            "accepted": scene.sight.events["accepted"],
            "in Sage": scene.sight.live(),
            "parked": standing.parked,
            "in doubt": standing.in_doubt,
            "faults": sum(faults.values()) + sum(scene.stage.crew.kills.values()),
        }
        screen.show(progress, clock() - began)
        await asyncio.sleep(LOOK_SECONDS)


async def _catch_up(scene: Scene) -> None:
    while rows := await scene.stage.vendors.history(scene.sight.seq):
        scene.sight.add(rows)


async def _settle(scene: Scene) -> None:
    """Until every order that should be in Sage is there or parked, and nothing is open for a while; or until nothing
    moves.
    """
    clock = asyncio.get_running_loop().time
    before: object = None
    moved = open_at = clock()
    while clock() - moved < STILL_SECONDS:
        standing = await books.standing(scene.stage.pool)
        waiting = await scene.stage.vendors.waiting_webhooks()
        unplaced = scene.sight.unplaced(PREFIXES)
        untold = scene.sight.untold(PREFIXES)
        now = (unplaced, len(untold), waiting, standing.in_doubt, standing.parked)
        if now != before:
            moved, before = clock(), now
        if standing.busy or waiting or unplaced > standing.parked or len(untold) > standing.parked:
            open_at = clock()
        elif clock() - open_at > (CALM_SECONDS if not standing.parked else PARKED_SECONDS):
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _ask_sluice(stage: Stage) -> Figures:
    cases = await books.open_cases(stage.pool)
    standing = await books.standing(stage.pool)
    aside = await books.stepped_aside(stage.pool)
    return Figures(cases, standing.in_doubt, aside, await _unaccounted(stage))


async def _unaccounted(stage: Stage) -> int | None:
    """Of a snapshot that was begun after the day was over."""
    since = datetime.now(UTC)
    url = stage.ports.url(stage.ports.metrics["exporter"])
    clock = asyncio.get_running_loop().time
    until = clock() + TELL_SECONDS
    count = None
    while count is None and clock() < until:
        await asyncio.sleep(0.2)
        count = await books.unaccounted(stage.http, url, since)
    return count


def _on_signal(number: signal.Signals) -> None:
    """Ends the day as Ctrl-C does."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _told() -> None:
    """From here on, being told to stop is the proper end."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
