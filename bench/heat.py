"""One heat: a store of its own, a backlog, some processes; how fast it is drained."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis

from bench import engine
from bench.arena import Arena
from bench.baskets import Mix, draw
from bench.race import Course, Jobs, Lap, Left, drain, fill
from bench.rivals import Rival


class LostError(Exception):
    """What was drained and what has a receipt differ in number."""


@dataclass(frozen=True, slots=True)
class Heat:
    rival: Rival
    jobs: Jobs
    processes: int


def make_jobs(baskets: Sequence[Sequence[str]], begin: int = 0) -> Jobs:
    """As every contender gets them; `begin`: the first reference."""
    return [{"ref": str(number), "skus": list(skus)} for number, skus in enumerate(baskets, begin)]


def shop(mix: Mix, count: int, seed: int = 1) -> Jobs:
    return make_jobs(draw(mix, count, random.Random(seed)))  # noqa: S311 - shoppers


async def run_heat(arena: Arena, heat: Heat) -> Lap:
    if heat.rival.store == "valkey":
        url = await arena.empty_redis()
        await fill(heat.rival.runner, url, heat.jobs, arena.home)
        async with Redis.from_url(url) as client:
            return await drain_all(arena, heat, url, _members(client, heat.rival.left))
    async with arena.database(migrated=heat.rival.store == "ours") as url:
        if heat.rival.store == "ours":
            return await run_ours(arena, heat, url)
        await fill(heat.rival.runner, url, heat.jobs, arena.home)
        async with _asking(url, heat.rival.left) as left:
            return await drain_all(arena, heat, url, left)


async def run_ours(arena: Arena, heat: Heat, url: str) -> Lap:
    """In a database that may hold history already. Raises LostError."""
    await engine.fill(url, heat.jobs)
    async with (
        _asking(url, heat.rival.left) as left,
        _asking(url, "SELECT count(*) FROM receipt") as receipts,
    ):
        before = await receipts()
        lap = await drain_all(arena, heat, url, left)
        if await receipts() - before != len(heat.jobs):
            raise LostError(f"{await receipts() - before} receipts for {len(heat.jobs)} messages")
    return lap


async def drain_all(arena: Arena, heat: Heat, url: str, left: Left) -> Lap:
    return await drain(
        heat.rival.runner, Course(url, len(heat.jobs), left, arena.home / "work.log"), heat.processes
    )


@asynccontextmanager
async def _asking(url: str, question: str) -> AsyncIterator[Left]:
    connection = await asyncpg.connect(url)
    try:

        async def answer() -> int:
            count: int = await connection.fetchval(question)
            return count

        yield answer
    finally:
        await connection.close()


def _members(client: Redis, key: str) -> Left:
    async def answer() -> int:
        return int(await client.zcard(key))

    return answer
