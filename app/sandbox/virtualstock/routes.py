"""Virtualstock's two roots: which address answers, with which slash, and who may ask (virtualstock.md 1, 4, 6)."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.disturb import CALL, HTML, RULE
from app.sandbox.mirror import Doc
from app.sandbox.virtualstock import login, products
from app.sandbox.virtualstock.act import ACTIONS, Deed, act
from app.sandbox.virtualstock.files import keep_comments
from app.sandbox.virtualstock.lists import hide_first, list_orders, page
from app.sandbox.virtualstock.place import ORDER, naive
from app.sandbox.virtualstock.present import ORDERS_ROOT, link, show_order
from app.sandbox.virtualstock.refusal import Refused, answer_refusal, not_allowed, not_found
from app.sandbox.virtualstock.retailers import CARRIER, RETAILER, retailer_of
from app.sandbox.virtualstock.returns import list_returns
from app.sandbox.virtualstock.switches import setting
from app.sandbox.virtualstock.throttle import Throttle
from app.sandbox.world import World

VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Answer = Callable[[Request, Doc, "re.Match[str]"], Awaitable[Response]]


class Api:
    """`throttle` outlives no restart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.throttle = Throttle(world)
        self._table: tuple[tuple[str, str, Answer], ...] = (
            ("GET", r"restapi/v4/orders/", self._orders),
            ("GET", r"restapi/v4/orders/(\d+)/", self._order),
            ("POST", rf"restapi/v4/orders/(\d+)/({'|'.join(ACTIONS)})/", self._act),
            ("GET", r"restapi/v4/order-tracking-carriers/", self._carriers),
            ("GET", r"restapi/v4/customers/", self._customers),
            ("GET", r"restapi/v4/returns/", self._returns),
            ("GET", r"api/v4/products/", self._products),
            ("GET", r"api/v4/products/(\d+)/?", self._product),
            ("PATCH", r"api/v4/products/(\d+)/", self._amend_product),
            ("PATCH", r"api/v4/products/(\d+)/stock", self._stock),
        )

    def routes(self) -> list[Route]:
        return [
            Route("/virtualstock/restapi/v4/token", self._exchange, methods=["POST"]),
            Route("/virtualstock/restapi/v4/token/refresh", self._refresh, methods=["POST"]),
            Route("/virtualstock/{rest:path}", self._answer, methods=VERBS),
        ]

    async def _answer(self, request: Request) -> Response:
        try:
            account = login.authenticate(self._world, request)
            self.throttle.admit(account["username"])
            handler, match = self._find(request.method, request.path_params["rest"])
            return await handler(request, account, match)
        except Refused as refused:
            return answer_refusal(refused, setting(self._world, "error_body"))

    def _find(self, method: str, path: str) -> tuple[Answer, "re.Match[str]"]:
        """A write without its slash is a wrong method, a read without it is nowhere."""
        known = False
        for verb, pattern, handler in self._table:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handler, match
            known = known or bool(match) or (method != "GET" and bool(re.fullmatch(pattern, f"{path}/")))
        raise not_allowed(method) if known else not_found()

    async def _exchange(self, request: Request) -> Response:
        return await self._login(request, login.exchange)

    async def _refresh(self, request: Request) -> Response:
        return await self._login(request, login.refresh)

    async def _login(self, request: Request, way: Callable[..., Doc]) -> Response:
        call = request.scope[CALL]
        try:
            body = await read_body(request)
            with self._world.store.record(call, silent=True) as change:
                return JSONResponse(way(self._world, change, body))
        except Refused as refused:
            return answer_refusal(refused, "detail")

    async def _orders(self, request: Request, account: Doc, _: "re.Match[str]") -> Response:
        shown = list_orders(self._world, request, account)
        call, rule = request.scope[CALL], request.scope[RULE]
        call.key = str(request.url.query)[:200]
        if call.fault == "list_shrinks":
            ids = [int(order["url"].rstrip("/").rpartition("/")[2]) for order in shown["results"]]
            hide_first(self._world, ids, rule.seconds, self._world.clock.now())
        return JSONResponse(shown)

    async def _order(self, request: Request, account: Doc, match: "re.Match[str]") -> Response:
        order = self._own(match[1], account)
        request.scope[CALL].key = order["order_reference"]
        return JSONResponse(show_order(self._world, self._world.store.read(), order, whole=True))

    async def _act(self, request: Request, account: Doc, match: "re.Match[str]") -> Response:
        order = self._own(match[1], account)
        body = await read_body(request)
        call = request.scope[CALL]
        call.key = order["order_reference"]
        broken = call.fault == "part_then_500"
        most = max(len(body.get("items", ())) // 2, 1) if broken and isinstance(body, dict) else None
        view = self._world.store.read()
        retailer = retailer_of(view, order["retailer"])
        with self._world.store.record(call) as change:
            deed = Deed(self._world, change, ACTIONS[match[2]], order, retailer, most)
            stopped = act(deed, body)
            keep_comments(deed, change, body)
            order["changed_at"] = naive(self._world.clock.now())
            change.put(ORDER, order["id"], order)
            call.status = 500 if broken else stopped.status if stopped else 200
        if broken:
            return Response(HTML, 500, media_type="text/html")
        return answer_refusal(stopped, setting(self._world, "error_body")) if stopped else self._done(body)

    def _done(self, body: Doc) -> Response:
        success = setting(self._world, "success")
        if success == "200_json":
            return JSONResponse({"items": body["items"]})
        return Response(status_code=201 if success == "201" else 200)

    async def _carriers(self, _: Request, __: Doc, ___: "re.Match[str]") -> Response:
        carriers = sorted(self._world.store.read().all(CARRIER), key=lambda one: one["id"])
        return JSONResponse([{name: one[name] for name in ("id", "slug", "name")} for one in carriers])

    async def _customers(self, request: Request, account: Doc, __: "re.Match[str]") -> Response:
        known = [one for one in self._world.store.read().all(RETAILER) if one["code"] in account["retailers"]]
        return JSONResponse(page(self._world, request, known, _show_customer))

    async def _returns(self, request: Request, account: Doc, _: "re.Match[str]") -> Response:
        return JSONResponse(list_returns(self._world, request, account))

    async def _products(self, request: Request, account: Doc, _: "re.Match[str]") -> Response:
        return JSONResponse(products.list_products(self._world, request, account))

    async def _product(self, request: Request, account: Doc, match: "re.Match[str]") -> Response:
        product = products.find_product(self._world, match[1], account)
        request.scope[CALL].key = product["sku"]
        return JSONResponse(products.show_product(self._world, product, account))

    async def _amend_product(self, request: Request, account: Doc, match: "re.Match[str]") -> Response:
        return await self._write_product(request, account, (match[1], products.change_product))

    async def _stock(self, request: Request, account: Doc, match: "re.Match[str]") -> Response:
        return await self._write_product(request, account, (match[1], products.change_stock))

    async def _write_product(
        self, request: Request, account: Doc, way: tuple[str, Callable[..., Doc]]
    ) -> Response:
        product = products.find_product(self._world, way[0], account)
        body = await read_body(request)
        call = request.scope[CALL]
        call.key = product["sku"]
        with self._world.store.record(call) as change:
            product = way[1](self._world, change, product, body)
        return JSONResponse(products.show_product(self._world, product, account))

    def _own(self, number: str, account: Doc) -> Doc:
        """Other suppliers' orders do not exist."""
        order = self._world.store.read().get(ORDER, number)
        if order is None or order["account"] != account["username"]:
            raise not_found()
        return order


def _show_customer(retailer: Doc) -> Doc:
    url = link(f"{ORDERS_ROOT}/customers/{retailer['id']}")
    return {"url": f"{url}?format=json", "id": retailer["id"], "name": retailer["name"]}


async def read_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, {"detail": 'Unsupported media type "" in request.'})
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(400, {"detail": f"JSON parse error - {type(error).__name__}"}) from error
