"""The pages put together: a small application of its own, mounted where the root says."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.console import alignment, deeds, despatches, door, exceptions, orders
from app.console.desk import Desk
from app.console.refusal import TITLES, RefusalError, StrangerError
from app.console.render import HERE, page
from app.db.session import AWAY

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
NO_STORE = (b"cache-control", b"no-store")
# The name of a file changes with its content, or its ETag does.
KEPT = (b"cache-control", b"no-cache")

Page = Callable[[Request], Awaitable[Response]]


class Guard:
    """Nothing but our own files may be loaded, no page may be framed or kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        static = scope["path"].startswith(f"{scope.get('root_path', '')}/static/")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [*HEADERS, KEPT if static else NO_STORE]
            await send(message)

        await self._app(scope, receive, guarded)


def console(desk: Desk) -> Starlette:
    made = Starlette(
        routes=[
            get("/", exceptions.front),
            get("/groups/{group}", exceptions.group),
            get("/groups/{group}/plan", deeds.plan),
            post("/groups/{group}/apply", deeds.apply),
            get("/exceptions", exceptions.listing),
            get("/exceptions/{case:int}", exceptions.one),
            get("/exceptions/{case:int}/plan", deeds.plan),
            post("/exceptions/{case:int}/apply", deeds.apply),
            get("/orders", orders.orders),
            get("/despatches", despatches.listing),
            get("/despatches.csv", despatches.export),
            get("/stock", despatches.stock),
            get("/alignment", alignment.listing),
            get("/lanes", orders.lanes),
            get("/audit", orders.audit),
            get("/sign-in", door.door),
            post("/sign-in", door.come_in),
            post("/sign-out", door.go_out),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={
            RefusalError: on_refusal,
            StrangerError: on_stranger,
            HTTPException: on_http,
            Exception: on_failure,
        },
    )
    made.router.redirect_slashes = False
    made.state.desk = desk
    return made


def get(path: str, endpoint: Page) -> Route:
    return Route(path, endpoint, methods=["GET"])


def post(path: str, endpoint: Page) -> Route:
    return Route(path, endpoint, methods=["POST"])


def refused(request: Request, status: int, detail: str) -> Response:
    return page(
        request, "refusal.html", {"status": status, "title": TITLES[status], "detail": detail}, status
    )


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)  # noqa: S101 - registered for this class only
    return refused(request, error.status, error.detail)


async def on_stranger(request: Request, _error: Exception) -> Response:
    """To the door, and back to where they wanted to go."""
    root = request.scope.get("root_path", "")
    back = request.scope["path"].removeprefix(root) if request.method == "GET" else "/"
    where = f"{root}/sign-in?back={back}" if door.BACK.fullmatch(back) else f"{root}/sign-in"
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"hx-redirect": where})
    return RedirectResponse(where, 303)


async def on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = error.status_code if error.status_code in TITLES else 400
    return refused(request, status, "")


async def on_failure(request: Request, error: Exception) -> Response:
    """Starlette raises the error again after this answer, and the edge logs it."""
    return refused(request, 503 if isinstance(error, AWAY) else 500, "")
