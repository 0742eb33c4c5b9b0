"""A backlog drained: ours in per-SKU order, the peers at their best."""

from dataclasses import dataclass
from functools import partial

from bench import growth, limit
from bench.arena import Arena
from bench.baskets import TYPICAL
from bench.bound import critical_path
from bench.environment import prepare
from bench.harness import Bench, Contender, Outcome, Sample
from bench.heat import Heat, run_heat, shop
from bench.rivals import Rival, missing, rivals, sluice

PROCESSES = 2
FEWEST, MOST = 300, 400_000


@dataclass(slots=True)
class Track:
    """One rival's rounds. `count`: jobs of the next one, chosen from the last so that it takes about `seconds`."""

    arena: Arena
    rival: Rival
    count: int
    seconds: float

    async def run(self) -> Sample:
        jobs = shop(TYPICAL, self.count)
        lap = await run_heat(self.arena, Heat(self.rival, jobs, PROCESSES))
        facts = {
            "messages": len(jobs),
            "seconds": round(lap.seconds, 2),
            "processes": PROCESSES,
            "longest_chain": critical_path([job["skus"] for job in jobs]),
        }
        self.count = int(max(FEWEST, min(MOST, lap.rate * self.seconds)))
        return Sample(lap.rate, facts=facts)


async def bench(arena: Arena) -> Bench:
    given = await prepare()
    return Bench(
        "drain",
        "messages/s",
        "≥ 1 x pgqueuer, which orders nothing, and ≥ 20 x procrastinate with a lock",
        "higher",
        contender(arena, sluice()),
        [*(contender(arena, rival) for rival in rivals(given)), pgbench(arena)],
        met,
        rounds=1 if arena.quick else 3,
        skipped=missing(given),
        extra=partial(growth.grow, arena),
    )


def contender(arena: Arena, rival: Rival) -> Contender:
    first = rival.first // 5 if arena.quick else rival.first
    track = Track(arena, rival, first, 2.0 if arena.quick else 8.0)
    return Contender(rival.name, rival.version, rival.settings, track.run)


def pgbench(arena: Arena) -> Contender:
    count = 4_000 if arena.quick else 60_000
    return Contender(
        "pgbench",
        limit.version_of(limit.program()),
        f"one row claimed and deleted in a commit, {limit.CLIENTS} clients, {PROCESSES} threads, prepared",
        partial(limit.run, arena, count, PROCESSES),
    )


def met(outcome: Outcome) -> bool:
    return outcome.ratio("pgqueuer") >= 1 and outcome.ratio("procrastinate") >= 20
