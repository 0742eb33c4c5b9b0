"""`sluice mappings`"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from app.cli.ask import actor, ask
from app.cli.preflight import open_books
from app.cli.show import Apply, AsJson, Reason, say, show_json, show_rows
from app.db.session import open_pool
from app.domain.message import Violation
from app.domain.row import Row
from app.domain.rows import TABLES
from app.flows.remap import remap, replace_table
from app.mappings import files
from app.mappings import lint as rules
from app.mappings.read import load as load_mappings
from app.mappings.read import read_table
from app.mappings.write import Difference, compare
from app.settings import Settings, load

app = typer.Typer(no_args_is_help=True, add_completion=False)
File = Annotated[
    Path, typer.Argument(help="a .csv named after its table, or a .toml of any number of tables")
]


@app.command()
def lint(as_json: AsJson = False) -> None:
    """The mapping tables against what the ERP knows today; exit 1 with everything that would park an order."""
    found = asyncio.run(_lint(load()))
    show_rows(found, ("code", "field", "value", "fix", "owner"), as_json=as_json)
    say(f"{len(found)} problems.")
    raise typer.Exit(1 if found else 0)


async def _lint(settings: Settings) -> list[Violation]:
    url = settings.database_url.get_secret_value()
    async with open_pool(url, size=2, application="sluice-cli") as pool, open_books(settings, pool) as erp:
        mappings = await load_mappings(pool)
        return rules.lint(mappings, await erp.facts(rules.wanted(mappings)))


@app.command("import")
def import_(
    file: File,
    reason: Reason,
    replace: Annotated[bool, typer.Option("--replace", help="rows that the file lacks go away")] = False,
    apply: Apply = False,
    as_json: AsJson = False,
) -> None:
    """Add the file's rows, or replace those of their keys; what waited for them is released.

    A file with a fault is refused whole, with all faults.
    """
    tables = parse(file)
    show_plan(ask(partial(_compare, tables=tables, replace=replace)), as_json=as_json)
    if not apply:
        say("Plan only: nothing was changed; add --apply to do it.")
        return
    write = replace_table if replace else remap
    for table, rows in tables.items():
        done = ask(partial(write, table=table, rows=rows, actor=actor(), reason=reason))
        say(f"{table}: written, {len(done.messages)} messages released.")


def parse(file: Path) -> Mapping[str, Sequence[Row]]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".csv":
        return {file.stem: files.parse_csv(file.stem, text)}
    if file.suffix == ".toml":
        return files.parse_toml(text)
    raise typer.BadParameter(f"{file.name} is neither .csv nor .toml")


async def _compare(
    pool: asyncpg.Pool, tables: Mapping[str, Sequence[Row]], *, replace: bool
) -> list[Difference]:
    plan = []
    async with pool.acquire() as conn:
        for table, rows in tables.items():
            kept = () if replace else await read_table(conn, table)
            whole = {row.key: row for row in (*kept, *rows)}
            plan.append(await compare(conn, table, tuple(whole.values())))
    return plan


def show_plan(plan: Sequence[Difference], *, as_json: bool) -> None:
    keys = {one.table: _keys(one) for one in plan}
    if as_json:
        show_json([{"table": one.table, **keys[one.table], "equal": len(one.equal)} for one in plan])
        return
    for one in plan:
        typer.echo(f"{one.table}: {len(one.equal)} equal")
        for word, sign in (("added", "+"), ("changed", "~"), ("removed", "-")):
            typer.echo("".join(f"  {sign} {key}\n" for key in keys[one.table][word]), nl=False)


def _keys(one: Difference) -> dict[str, list[str]]:
    return {
        "added": [row.key for row in one.added],
        "changed": [after.key for _, after in one.changed],
        "removed": [row.key for row in one.removed],
    }


@app.command()
def export(
    table: Annotated[str | None, typer.Argument(help=f"one of {', '.join(TABLES)}; all unless given")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="one table as CSV; TOML otherwise")] = False,
) -> None:
    """Write the tables to stdout, as `import` reads them."""
    if table is not None and table not in TABLES:
        raise typer.BadParameter(f"no such table; there are {', '.join(TABLES)}")
    if csv and table is None:
        raise typer.BadParameter("CSV holds one table: name it")
    tables = ask(lambda pool: _read(pool, [table] if table else list(TABLES)))
    typer.echo(files.write_csv(table, tables[table]) if csv and table else files.write_toml(tables), nl=False)


async def _read(pool: asyncpg.Pool, names: Sequence[str]) -> dict[str, tuple[Row, ...]]:
    return {name: await read_table(pool, name) for name in names}
