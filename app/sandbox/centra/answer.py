"""The one endpoint: who asks, what it costs, what it may see, and then the answer."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    get_variable_values,
    parse,
    validate,
)
from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.centra import dates
from app.sandbox.centra.ask import Asked, RefusedError, read_request
from app.sandbox.centra.desk import Desk
from app.sandbox.centra.present import Presenter
from app.sandbox.centra.quota import Quota, write_retry_after
from app.sandbox.centra.replica import read_behind
from app.sandbox.centra.roots import gather_roots
from app.sandbox.centra.schema import load_schema
from app.sandbox.centra.shop import is_releasable
from app.sandbox.centra.tokens import Grant, authenticate
from app.sandbox.centra.visit import Visit
from app.sandbox.centra.weigh import Weight, weigh
from app.sandbox.disturb import CALL
from app.sandbox.store import Call, Change
from app.sandbox.world import World

ANSWER = "centra.answer"
CACHED_DOCUMENTS = 256
Parsed = tuple[DocumentNode | None, list[GraphQLError]]


class Endpoint:
    """`changed` is called after every answer that may have queued webhooks; `seen` gathers the orders ever shown."""

    def __init__(self, world: World, changed: Callable[[], None], seen: set[int]) -> None:
        self._world = world
        self._changed = changed
        self._seen = seen
        self._schema = load_schema()
        self._documents: dict[str, Parsed] = {}
        self._plan = world.switches["centra.plan"]
        self._quota = Quota(self._plan, world.clock.now())

    @property
    def quota(self) -> Quota:
        """Of the plan that the brand is on now; a new plan starts with full buckets."""
        if self._plan != self._world.switches["centra.plan"]:
            self._plan = self._world.switches["centra.plan"]
            self._quota.choose(self._plan, self._world.clock.now())
        return self._quota

    async def answer(self, request: Request) -> Response:
        call: Call = request.scope[CALL]
        body = await request.body()
        now = self._world.clock.now()
        weight = Weight()
        try:
            with self._world.store.record(call) as change:
                grant = self._admit(request, change, now)
                asked = read_request(request, body)
                operation, document = self._read(asked, now)
                call.key = operation.name.value if operation.name else asked.operation_name or ""
                weight = weigh(self._schema, document, operation, asked.variables)
                self._charge(weight, now)
                self._permit(weight, grant)
                content = self._run(change, grant, document, asked, now)
        except RefusedError as refused:
            return self._refuse(call, refused, weight)
        self._changed()
        return self._write(call.status, content, weight)

    def _admit(self, request: Request, change: Change, now: datetime) -> Grant:
        header = request.headers.get("authorization", "")
        cookie = request.cookies.get("graphql-access")
        grant = authenticate(change, header or f"Bearer {cookie}", now)
        if grant is None:
            raise RefusedError(
                self._world.switches["centra.bad_token_status"], "Unauthorized", "authentication"
            )
        return grant

    def _read(self, asked: Asked, now: datetime) -> tuple[OperationDefinitionNode, DocumentNode]:
        """Of a document that can run with these variables; one that cannot has used up a request all the same."""
        document, errors = self._parse(asked.query)
        if document is not None and not errors:
            operation = get_operation_ast(document, asked.operation_name)
            if operation is None:
                errors = [GraphQLError("Unknown operation, or none named among several.")]
            elif not (errors := self._check_variables(operation, asked)):
                return operation, document
        self._charge(Weight(), now)
        refused = RefusedError(200, "", "graphql")
        refused.errors = [{**error.formatted, "extensions": {"category": "graphql"}} for error in errors]
        raise refused

    def _check_variables(self, operation: OperationDefinitionNode, asked: Asked) -> list[GraphQLError]:
        given = get_variable_values(self._schema, operation.variable_definitions or (), asked.variables)
        return given if isinstance(given, list) else []

    def _parse(self, query: str) -> Parsed:
        if query not in self._documents:
            if len(self._documents) >= CACHED_DOCUMENTS:
                self._documents.pop(next(iter(self._documents)))
            self._documents[query] = self._check(query)
        return self._documents[query]

    def _check(self, query: str) -> Parsed:
        try:
            document = parse(query)
        except GraphQLError as error:
            return None, [error]
        return document, validate(self._schema, document)

    def _charge(self, weight: Weight, now: datetime) -> None:
        costs = {
            "REQUEST_COUNT": 1,
            "MUTATION_COUNT": weight.mutations,
            "QUERY_COMPLEXITY": weight.complexity,
        }
        resume = self.quota.take(costs, now)
        if resume is not None:
            form = self._world.switches["centra.retry_after"]
            headers = {"Retry-After": write_retry_after(resume, now, form)}
            raise RefusedError(429, "API rate limit exceeded.", "rateLimit", headers)

    def _permit(self, weight: Weight, grant: Grant) -> None:
        for permission, (node, path) in weight.permissions.items():
            if permission in grant.permissions:
                continue
            message = f"You need {permission} permission to access {node.name.value}."
            refused = RefusedError(self._world.switches["centra.permission_status"], message, "authorization")
            refused.errors[0]["path"] = list(path)
            if node.loc is not None:
                start = node.loc.start_token
                refused.errors[0]["locations"] = [{"line": start.line, "column": start.column}]
            raise refused

    def _run(
        self, change: Change, grant: Grant, document: DocumentNode, asked: Asked, now: datetime
    ) -> dict[str, Any]:
        switches = self._world.switches
        zone = ZoneInfo(switches["centra.zone"])
        names = ("bundle_prices", "including_tax", "gift_line", "capture_sign")
        shapes = {name: switches[f"centra.{name}"] for name in names}
        presenter = Presenter(change, zone, **shapes, integration=grant.integration)
        desk = Desk(self._world, change, now)
        behind = read_behind(self._world.store) if asked.stale else {}
        visit = Visit(change, grant, zone, now, self.quota, presenter, switches, desk, behind)
        result = execute_sync(
            self._schema,
            document,
            root_value=gather_roots(visit),
            variable_values=asked.variables,
            operation_name=asked.operation_name,
        )
        self._note(visit)
        content: dict[str, Any] = {"data": result.data}
        if result.errors:
            errors = [
                {**error.formatted, "extensions": {"category": "graphql", **(error.extensions or {})}}
                for error in result.errors
            ]
            content = {"errors": errors, **content}
        return content

    def _note(self, visit: Visit) -> None:
        """Into history: which orders this answer held, and whether a warehouse might have worked on them."""
        if not visit.returned:
            return
        self._seen.update(visit.returned)
        number = visit.change.next_id(ANSWER)
        orders = [
            {
                "number": order["number"],
                "store": order["store"],
                "updated_at": order["updated_at"],
                "releasable": is_releasable(order["status"], on_hold=order["hold"] is not None),
            }
            for order in visit.returned.values()
        ]
        moments = {"started_at": dates.keep(visit.now), "answered_at": dates.keep(self._world.clock.now())}
        doc = {"integration": visit.grant.integration, **moments, "orders": orders}
        visit.change.put(ANSWER, number, doc)

    def _refuse(self, call: Call, refused: RefusedError, weight: Weight) -> Response:
        call.status = refused.status
        with self._world.store.record(call):
            pass
        return self._write(refused.status, {"errors": refused.errors}, weight, refused.headers)

    def _write(
        self, status: int, content: dict[str, Any], weight: Weight, headers: dict[str, str] | None = None
    ) -> Response:
        extensions = {
            "complexity": weight.complexity,
            "permissionsUsed": list(weight.permissions),
            "appVersion": self._world.switches["centra.app_version"],
        }
        body = json.dumps({**content, "extensions": extensions}, ensure_ascii=False)
        return Response(body.encode(), status, headers, "application/json")
