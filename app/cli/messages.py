"""`sluice messages`"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import asyncpg
import typer

from app.cli.ask import actor, ask
from app.cli.show import Apply, AsJson, Reason, planned, say, show_json, show_rows
from app.domain.message import MessageState
from app.flows.release import release
from app.flows.replay import replay as replay_messages
from app.ledger import survey
from app.outbox import browse

app = typer.Typer(no_args_is_help=True, add_completion=False)
Limit = Annotated[int, typer.Option(min=1, max=1000, help="at most so many")]
Ids = Annotated[list[int], typer.Argument(help="message ids")]
Code = Annotated[str | None, typer.Option(help="of an open exception, such as E-VAT-UNMAPPED")]
Source = Annotated[str | None, typer.Option(help="connection")]
COLUMNS = ("id", "kind", "state", "result", "source", "order_ref", "attempts", "codes", "note", "received_at")
CASE_COLUMNS = ("id", "message_id", "code", "owner", "source", "order_ref", "opened_at")


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - one a flag
    state: Annotated[MessageState | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option(help="such as sage200.sales_order.place")] = None,
    source: Source = None,
    order: Annotated[str | None, typer.Option(help="the channel's order number")] = None,
    code: Code = None,
    before: Annotated[int, typer.Option(help="go on below this id")] = browse.FIRST_PAGE,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Messages, the newest first."""
    wanted = browse.Wanted(state, kind, (source,) if source else (), order, code)
    rows = ask(lambda pool: browse.messages(pool, wanted, before=before, limit=limit))
    show_rows(rows, COLUMNS, as_json=as_json)


@app.command()
def show(
    message_id: int,
    payload: Annotated[bool, typer.Option("--payload", help="with its body: personal data")] = False,
    as_json: AsJson = False,
) -> None:
    """One message and all that came of it."""
    story = ask(lambda pool: browse.story(pool, message_id))
    if story is None:
        say(f"There is no message {message_id}.")
        raise typer.Exit(1)
    known = asdict(story)
    raw = known.pop("raw")
    known["raw"] = raw.decode(errors="replace") if payload and raw is not None else None
    known["body"] = known["body"] if payload else None
    if as_json:
        show_json(known)
    else:
        _tell(story, known)


def _tell(story: browse.Story, known: dict[str, Any]) -> None:
    show_rows(
        [name for name in (story.parent, story.message, *story.follow_ups) if name], COLUMNS, as_json=False
    )
    if story.lanes:
        typer.echo(f"\nlanes: {', '.join(story.lanes)}")
    for title, rows in (("attempts", story.attempts), ("intents", story.intents)):
        if rows:
            typer.echo(f"\n{title}")
            show_rows(rows, list(asdict(rows[0])), as_json=False)
    for part in ("body", "raw"):
        if known[part] is not None:
            typer.echo(f"\n{part}")
            show_json(known[part])


@app.command()
def retry(  # noqa: PLR0913, PLR0917 - one a flag
    reason: Reason,
    ids: Annotated[list[int] | None, typer.Argument(help="message ids; or choose them by --code")] = None,
    code: Code = None,
    source: Source = None,
    limit: Limit = 200,
    apply: Apply = False,
    as_json: AsJson = False,
) -> None:
    """Let parked messages try again, with their facts looked up anew."""
    if not ids and code is None:
        raise typer.BadParameter("name messages, or choose them by --code")
    chosen: Sequence[int | None] = ids or [None]
    sought = [survey.Sought(code, source=source, message_id=number) for number in chosen]
    cases = ask(lambda pool: _cases(pool, sought, limit))
    if not apply:
        show_rows(cases, CASE_COLUMNS, as_json=as_json)
        planned(len(cases), "exceptions released")
        return
    released = ask(lambda pool: release(pool, [case.id for case in cases], actor=actor(), reason=reason))
    _done(released, as_json=as_json)


async def _cases(pool: asyncpg.Pool, sought: Sequence[survey.Sought], limit: int) -> list[survey.CaseRow]:
    """Open cases that hold a message up."""
    found = [case for one in sought for case in await survey.cases(pool, one, limit=limit)]
    return [case for case in found if case.message_id is not None and not case.flag][:limit]


@app.command()
def replay(reason: Reason, ids: Ids, apply: Apply = False, as_json: AsJson = False) -> None:
    """Work done messages again, under the same keys: what took effect is found, not repeated."""
    if not apply:
        rows = ask(lambda pool: browse.rows(pool, ids))
        done = [row for row in rows if row.state == "done" and row.cls != "state"]
        show_rows(done, COLUMNS, as_json=as_json)
        planned(len(done), f"of {len(ids)} messages replayed")
        return
    _done(ask(lambda pool: replay_messages(pool, ids, actor=actor(), reason=reason)), as_json=as_json)


def _done(what: object, *, as_json: bool) -> None:
    if as_json:
        show_json(what)
    else:
        say(f"Done: {what}")
