"""`sluice exceptions`"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import asyncpg
import typer

from app.cli.ask import actor, ask
from app.cli.show import Apply, AsJson, Reason, planned, say, show_json, show_rows
from app.domain.message import Owner
from app.flows import aim
from app.flows.accept import Word, accept
from app.flows.aim import Aim
from app.flows.release import retry
from app.ledger import causes, survey
from app.outbox import browse
from app.outbox.behind import behind
from app.settings import Settings, load

DOCUMENT_MOST = 20
app = typer.Typer(no_args_is_help=True, add_completion=False)
Limit = Annotated[int, typer.Option(min=1, max=1000, help="at most so many")]
Group = Annotated[str | None, typer.Option(help="key of a cause, as `groups` tells it")]
One = Annotated[int | None, typer.Argument(help="an exception; or choose all of a cause by --group")]
GROUPS = (
    "key",
    "code",
    "field",
    "value",
    "owner",
    "flag",
    "cases",
    "holding",
    "waiting",
    "oldest_at",
    "at_stake",
)
CASES = ("id", "code", "owner", "source", "order_ref", "flag", "wrong", "opened_at", "resolution")
GOING = ("case_id", "message_id", "source", "order_ref", "code", "opened_at")


@app.command()
def groups(
    owner: Annotated[Owner | None, typer.Option(help="whose they are")] = None, as_json: AsJson = False
) -> None:
    """Open exceptions by cause: how many, how old, what they hold up, and the value at stake."""
    found = [one for one in ask(causes.groups) if owner in {None, one.owner}]
    stakes = [", ".join(f"{stake.gross} {stake.currency}" for stake in one.stakes) for one in found]
    rows = [{**asdict(one), "at_stake": text} for one, text in zip(found, stakes, strict=True)]
    show_rows(rows, GROUPS, as_json=as_json)


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - one a flag
    code: Annotated[str | None, typer.Option(help="such as E-VAT-UNMAPPED")] = None,
    owner: Annotated[Owner | None, typer.Option(help="whose they are")] = None,
    source: Annotated[str | None, typer.Option(help="connection")] = None,
    order: Annotated[str | None, typer.Option(help="the channel's order number")] = None,
    group: Group = None,
    settled: Annotated[bool, typer.Option("--settled", help="those that are closed")] = False,
    before: Annotated[int, typer.Option(help="go on below this id")] = survey.FIRST_PAGE,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Exceptions, the newest first; open ones unless asked otherwise."""

    async def listed(pool: asyncpg.Pool) -> list[survey.CaseRow]:
        ids = [one.case_id for one in await causes.members(pool, group)] if group is not None else None
        sought = survey.Sought(code, owner, source, order, open=not settled, ids=ids)
        return await survey.cases(pool, sought, before=before, limit=limit)

    show_rows([_with_wrong(asdict(row)) for row in ask(listed)], CASES, as_json=as_json)


def _with_wrong(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "wrong": "; ".join(f"{one['field']} {one['value']}" for one in row["violations"])}


@app.command()
def show(exception_id: int, as_json: AsJson = False) -> None:
    """One exception: what is wrong, what may be done, what was tried, who waits behind it. Bodies: `messages show`."""
    known = ask(lambda pool: _story(pool, exception_id))
    if known is None:
        say(f"There is no exception {exception_id}.")
        raise typer.Exit(1)
    if as_json:
        show_json(known)
        return
    show_rows([_with_wrong(known["case"])], CASES, as_json=False)
    typer.echo(f"\nremedy: {known['remedy']['says']} ({', '.join(known['remedy']['acts'])})")
    if known["near"]:
        typer.echo(f"codes that look like it: {', '.join(known['near'])}")
    for title in ("violations", "attempts", "behind"):
        rows = known["case"][title] if title == "violations" else known[title]
        if rows:
            typer.echo(f"\n{title}")
            show_rows(rows, list(rows[0])[:8], as_json=False)


async def _story(pool: asyncpg.Pool, exception_id: int) -> dict[str, Any] | None:
    row = await survey.case(pool, exception_id)
    if row is None:
        return None
    story = await browse.story(pool, row.message_id) if row.message_id is not None else None
    mending = await aim.mend_case(pool, row)
    return {
        "case": asdict(row),
        "remedy": asdict(mending.remedy),
        "row": mending.row,
        "near": list(mending.near),
        "attempts": [asdict(one) for one in story.attempts] if story else [],
        "behind": [asdict(one) for one in await behind(pool, row.message_id or 0)],
    }


@app.command("retry")
def retry_(
    reason: Reason,
    exception_id: One = None,
    group: Group = None,
    apply: Apply = False,
    as_json: AsJson = False,
) -> None:
    """Let what is parked try again, with its facts looked up anew; flags are acknowledged."""
    plan = _plan(exception_id, group)
    if not apply:
        _show(plan, "released", as_json=as_json)
        return
    wanted = _aim(exception_id, group, plan.through)
    done = ask(lambda pool: retry(pool, wanted, actor=actor(), reason=reason))
    _done(done, as_json=as_json)


@app.command("accept")
def accept_(  # noqa: PLR0913, PLR0917 - one a flag
    reason: Reason,
    exception_id: One = None,
    group: Group = None,
    document: Annotated[str, typer.Option(help="the ERP's number of an order that was posted by hand")] = "",
    apply: Apply = False,
    as_json: AsJson = False,
) -> None:
    """Settle by your word: a flag is acknowledged, a notice dismissed, a change left undone in the ERP."""
    if len(document) > DOCUMENT_MOST:
        raise typer.BadParameter(f"a document's number has at most {DOCUMENT_MOST} characters")
    plan = _plan(exception_id, group)
    if not apply:
        _show(plan, "settled", as_json=as_json)
        return
    settings = load()
    wanted = _aim(exception_id, group, plan.through)
    word = Word(actor(), reason, document.strip(), _prefixes(settings))
    done = ask(lambda pool: accept(pool, wanted, word), settings)
    _done(done, as_json=as_json)


def _aim(exception_id: int | None, group: str | None, through: int | None = None) -> Aim:
    if (exception_id is None) == (group is None):
        raise typer.BadParameter("name one exception, or choose all of a cause by --group")
    return Aim(exception_id, group, through)


def _plan(exception_id: int | None, group: str | None) -> aim.Plan:
    wanted = _aim(exception_id, group)
    return ask(lambda pool: aim.plan(pool, wanted))


def _show(plan: aim.Plan, what: str, *, as_json: bool) -> None:
    show_rows(plan.going, GOING, as_json=as_json)
    planned(len(plan.going), f"exceptions {what}")


def _prefixes(settings: Settings) -> dict[str, str]:
    """Connection -> prefix of its keys in the ERP."""
    return {
        name: str(getattr(one, "prefix", ""))
        for connections in settings.configured().values()
        for name, one in connections.items()
    }


def _done(what: object, *, as_json: bool) -> None:
    if as_json:
        show_json(what)
    else:
        say(f"Done: {what}")
