"""Sage 200's addresses, and its people's under `/_sandbox/people/sage200/`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import simplejson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.sandbox.disturb import CALL, RULE
from app.sandbox.mirror import Doc
from app.sandbox.sage200 import people, seed, tokens
from app.sandbox.sage200.amend import amend_order, delete_order, find_order, record_of
from app.sandbox.sage200.enter import ORDERS, enter_order
from app.sandbox.sage200.gate import Queue, admit
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.locks import API_USER, await_unlocked, take_lock
from app.sandbox.sage200.read import NESTED, RESOURCES, read_list, read_one, show_saved
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.stamps import stamp_now
from app.sandbox.sage200.switches import DEFAULTS, FITS, setting
from app.sandbox.sage200.writes import WRITES, Write
from app.sandbox.world import World

BASES = ("/sage200/uk/sage200extra/accounts/v1", "/sage200/uk/sage200/accounts/v1")
VERBS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
LATE_SECONDS = 2.0
NOWHERE = "No resource answers this address."


def mount(world: World) -> list[BaseRoute]:
    world.switches.declare(
        {f"sage200.{name}": value for name, value in DEFAULTS.items()},
        {f"sage200.{name}": fits for name, fits in FITS.items()},
    )
    world.seeders["sage200"] = partial(seed.build, world)
    api = Api(world)
    return [
        Route("/sage200/oauth/token", partial(tokens.exchange, world), methods=["POST"]),
        Route("/sage200/authorize", partial(tokens.authorize, world), methods=["GET"]),
        *[Route(f"{base}/{{rest:path}}", api.answer, methods=VERBS) for base in BASES],
        *people.routes(world),
    ]


def answer_json(value: Any, status: int = 200) -> Response:
    text = simplejson.dumps(value, use_decimal=True)
    return Response(text, status, media_type="application/json; charset=utf-8")


def answer_refusal(refused: Refused) -> Response:
    if not refused.message:
        return Response(status_code=refused.status)
    return answer_json({"Message": refused.message}, refused.status)


class Api:
    def __init__(self, world: World) -> None:
        self._world = world
        self._queue = Queue(world)

    async def answer(self, request: Request) -> Response:
        path = [part for part in request.path_params["rest"].split("/") if part]
        try:
            admit(self._world, request, path[0] if path else "")
            async with self._queue.turn():
                return await self._serve(request, path)
        except Refused as refused:
            return answer_refusal(refused)

    async def _serve(self, request: Request, path: list[str]) -> Response:
        if request.method == "GET":
            return self._read(request, path)
        orders: dict[tuple[str, int], Callable[[Request, str], Awaitable[Response]]] = {
            ("POST", 1): self._enter,
            ("PUT", 2): self._amend,
            ("DELETE", 2): self._delete,
        }
        place = (request.method, len(path))
        if path[:1] == ["sop_orders"] and place in orders:
            return await orders[place](request, path[-1])
        write = WRITES.get((path[0], *place)) if path else None
        if write is None:
            raise Refused(404, NOWHERE)
        return await self._write(request, path[-1], write)

    def _read(self, request: Request, path: list[str]) -> Response:
        options = dict(request.query_params)
        if len(options) < len(request.query_params.multi_items()):
            raise invalid("A query option is given twice.")
        request.scope[CALL].key = options.get("$filter", "")[:200]
        if not path or path[0] not in RESOURCES:
            raise Refused(404, NOWHERE)
        if len(path) == 1:
            return answer_json(read_list(self._world, path[0], options))
        number = whole_id(path[1])
        if len(path) == 2:
            if path[0] == "sop_orders" and "is_to_lock" in options.get("$expand", ""):
                return self._read_locked(request, path[1], options)
            return answer_json(read_one(self._world, path[0], path[1], options))
        within = NESTED.get((path[0], path[2]))
        if within is None or len(path) > 3:
            raise Refused(404, NOWHERE)
        return answer_json(read_list(self._world, path[2], options, **{within: number}))

    def _read_locked(self, request: Request, id_: str, options: dict[str, str]) -> Response:
        shown = read_one(self._world, "sop_orders", id_, options)
        with self._world.store.record(request.scope[CALL]) as change:
            order = find_order(self._entry(change, ""), id_)
            shown["lock_id"] = take_lock(self._world, change, record_of(order))
        return answer_json(shown)

    async def _enter(self, request: Request, _: str) -> Response:
        body = await read_body(request)
        call = request.scope[CALL]
        call.key = str(body.get("customer_document_no", ""))
        stamp = await self._stamp(request)
        ghost = call.fault == "ghost_draft"
        with self._world.store.record(call) as change:
            order = enter_order(self._entry(change, stamp), body, ghost=ghost)
            call.status = setting(self._world, "ghost_draft_status") if ghost else 200
        if ghost:
            raise Refused(call.status)
        return self._show(order)

    async def _amend(self, request: Request, id_: str) -> Response:
        body = await read_body(request)
        call = request.scope[CALL]
        stamp = await self._stamp(request)
        with self._world.store.record(call) as change:
            order, failed = amend_order(self._entry(change, stamp), id_, body)
            call.key = order.get("customer_document_no", "")
            call.status = 200 if failed is None else failed.status
        if failed is not None:
            raise failed
        return self._show(order)

    async def _delete(self, request: Request, id_: str) -> Response:
        call = request.scope[CALL]
        stamp = await self._stamp(request)
        with self._world.store.record(call) as change:
            entry = self._entry(change, stamp)
            call.key = find_order(entry, id_).get("customer_document_no", "")
            delete_order(entry, id_)
        return Response()

    async def _write(self, request: Request, id_: str, write: Write) -> Response:
        """Every other resource than orders."""
        body = await read_json(request, write.body) if write.body else None
        call = request.scope[CALL]
        if write.waits and setting(self._world, "despatch_of_locked") == "wait":
            await self._await_order(body)
        stamp = await self._stamp(request)
        with self._world.store.record(call) as change:
            shown, call.key = write.do(self._entry(change, stamp), id_, body)
        return Response() if shown is None else answer_json(shown)

    async def _await_order(self, body: Any) -> None:
        order = self._world.store.read().get(ORDERS, str(body.get("sop_order_return_id")))
        if order is not None:
            await await_unlocked(self._world, record_of(order))

    async def _stamp(self, request: Request) -> str:
        """The moment the record will carry; with a late commit it is visible only some time after."""
        stamp = stamp_now(self._world)
        rule = request.scope[RULE]
        late = setting(self._world, "late_commit_seconds")
        if rule is not None and rule.kind == "late_commit":
            late = LATE_SECONDS if rule.seconds is None else rule.seconds
        if late:
            await self._world.clock.sleep(late)
        return stamp

    def _entry(self, change: Any, stamp: str) -> Entry:
        return Entry(self._world, change, stamp, API_USER)

    def _show(self, order: Doc) -> Response:
        return answer_json(show_saved(self._world, order))


async def read_body(request: Request) -> Doc:
    body: Doc = await read_json(request, dict)
    return body


async def read_json(request: Request, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise invalid("The body must be application/json.")
    try:
        body = simplejson.loads((await request.body()).decode(), use_decimal=True)
    except (ValueError, RecursionError) as error:
        raise invalid(f"The body cannot be read: {error}") from error
    if not isinstance(body, kind):
        raise invalid("A JSON object is needed." if kind is dict else "A list of JSON objects is needed.")
    return body


def whole_id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(2**63)):
        raise Refused(404, NOWHERE)
    return int(text)
