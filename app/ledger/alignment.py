"""Catalogues as they were last walked, and what of them does not fit together (R-19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.domain.align import Misfit
from app.domain.channel import Article

Place = tuple[str, str, str, str]
"""Where a page begins: misfit, destination, code, barcode."""
FIRST: Place = ("", "", "", "")
FAILING = (Misfit.AMBIGUOUS, Misfit.INACTIVE, Misfit.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ArticlesSeen:
    """Fact: a page of the walk that began then. `first`, `ended`: whether it is the first, and the last."""

    destination: str
    began_at: datetime
    articles: tuple[Article, ...]
    first: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Aligned:
    """Fact: these do not fit, and all others do."""

    misfits: Mapping[tuple[str, Article], Misfit]


@dataclass(frozen=True, slots=True)
class WalkRow:
    """`failing`: of its articles, those whose orders would park."""

    destination: str
    began_at: datetime
    listed_at: datetime | None
    aligned_at: datetime | None
    articles: int
    failing: int


@dataclass(frozen=True, slots=True)
class MisfitRow:
    misfit: str
    destination: str
    code: str
    barcode: str

    @property
    def place(self) -> Place:
        return self.misfit, self.destination, self.code, self.barcode


async def catalogues(pool: asyncpg.Pool) -> dict[str, list[Article]]:
    """Destination -> its articles, of those that were walked to their end."""
    rows = await pool.fetch(
        """
        SELECT destination, code, barcode, active FROM article JOIN article_walk USING (destination)
        WHERE listed_at IS NOT NULL
        """
    )
    found: dict[str, list[Article]] = {}
    for row in rows:
        found.setdefault(row["destination"], []).append(Article(row["code"], row["barcode"], row["active"]))
    return found


async def codes(pool: asyncpg.Pool, destination: str) -> list[str]:
    """Of what may be sold there, as the last walk found it."""
    rows = await pool.fetch(
        "SELECT DISTINCT code FROM article WHERE destination = $1 AND active AND code <> ''", destination
    )
    return [row["code"] for row in rows]


async def begun(pool: asyncpg.Pool) -> dict[str, datetime]:
    rows = await pool.fetch("SELECT destination, began_at FROM article_walk")
    return {row["destination"]: row["began_at"] for row in rows}


async def walks(pool: asyncpg.Pool) -> list[WalkRow]:
    rows = await pool.fetch(
        """
        SELECT w.*, count(a.code) AS articles, count(a.code) FILTER (WHERE a.misfit = ANY($1::text[])) AS failing
        FROM article_walk AS w LEFT JOIN article AS a USING (destination) GROUP BY w.destination ORDER BY w.destination
        """,
        list(FAILING),
    )
    return [WalkRow(**dict(row)) for row in rows]


async def failing(pool: asyncpg.Pool) -> int | None:
    """How many articles of the channels would fail if ordered; None before the first comparison."""
    if not await pool.fetchval("SELECT EXISTS (SELECT FROM article_walk WHERE aligned_at IS NOT NULL)"):
        return None
    count: int = await pool.fetchval("SELECT count(*) FROM article WHERE misfit = ANY($1::text[])", FAILING)
    return count


async def misfits(
    pool: asyncpg.Pool, wanted: Sequence[str], *, after: Place = FIRST, limit: int | None = 50
) -> list[MisfitRow]:
    """Of these kinds."""
    rows = await pool.fetch(
        """
        SELECT misfit, destination, code, barcode FROM article
        WHERE misfit = ANY($1::text[]) AND (misfit, destination, code, barcode) > ($2, $3, $4, $5)
        ORDER BY misfit, destination, code, barcode LIMIT $6
        """,
        list(wanted),
        *after,
        limit,
    )
    return [MisfitRow(**dict(row)) for row in rows]


async def record(conn: asyncpg.Connection, fact: ArticlesSeen) -> None:
    """What a walk did not meet has left the catalogue."""
    if fact.first:
        await conn.execute(
            """
            INSERT INTO article_walk (destination, began_at) VALUES ($1, $2)
            ON CONFLICT (destination) DO UPDATE SET began_at = excluded.began_at
            """,
            fact.destination,
            fact.began_at,
        )
    rows = {(one.code, one.barcode): one for one in fact.articles}
    await conn.execute(
        """
        INSERT INTO article (destination, code, barcode, active, walk)
        SELECT $1, code, barcode, active, $2 FROM unnest($3::text[], $4::text[], $5::bool[])
            AS given(code, barcode, active)
        ON CONFLICT (destination, code, barcode) DO UPDATE SET active = excluded.active, walk = excluded.walk
        """,
        fact.destination,
        fact.began_at,
        [code for code, _ in rows],
        [barcode for _, barcode in rows],
        [one.active for one in rows.values()],
    )
    if fact.ended:
        await conn.execute(
            "DELETE FROM article WHERE destination = $1 AND walk <> $2", fact.destination, fact.began_at
        )
        await conn.execute(
            "UPDATE article_walk SET listed_at = now() WHERE destination = $1", fact.destination
        )


async def align(conn: asyncpg.Connection, fact: Aligned) -> None:
    """Only what changes is written."""
    pairs = list(fact.misfits)
    await conn.execute(
        """
        WITH given AS (
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
                AS given(destination, code, barcode, misfit)
        ), now_is AS (
            SELECT a.destination, a.code, a.barcode, given.misfit FROM article AS a
            LEFT JOIN given USING (destination, code, barcode) WHERE a.misfit IS DISTINCT FROM given.misfit
        )
        UPDATE article AS a SET misfit = now_is.misfit FROM now_is
        WHERE (a.destination, a.code, a.barcode) = (now_is.destination, now_is.code, now_is.barcode)
        """,
        [destination for destination, _ in pairs],
        [article.code for _, article in pairs],
        [article.barcode for _, article in pairs],
        [misfit.value for misfit in fact.misfits.values()],
    )
    await conn.execute("UPDATE article_walk SET aligned_at = now() WHERE listed_at IS NOT NULL")
