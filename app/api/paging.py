"""Cursors: opaque, over the sort key, and good for the list and filter they came from only."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from pydantic import BaseModel

from app.api.problems import ProblemError

T = TypeVar("T")
MOST = 200


class Listing(BaseModel, Generic[T]):
    """`next_cursor` is null on the last page; it is also the Link header's `next`."""

    items: list[T]
    next_cursor: str | None = None


class Pager:
    """A dependency: where the page starts and how long it is."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> None:
        self._response = response
        self._path = request.scope["path"]
        self._filter = sorted(
            (name, value)
            for name, value in request.query_params.multi_items()
            if name not in {"cursor", "limit"}
        )
        self._limit = limit
        self._cursor = cursor

    @property
    def fetch(self) -> int:
        """One more than a page, to know whether there is another."""
        return self._limit + 1

    def start(self, kind: Callable[[Any], T], first: T) -> T:
        """Where the cursor points, read by `kind`, which raises ValueError or TypeError; `first` without one. Raises
        ProblemError `bad_cursor`.
        """
        if self._cursor is None:
            return first
        try:
            given = json.loads(base64.urlsafe_b64decode(self._cursor))
            if given["of"] != self._fingerprint():
                raise ProblemError("bad_cursor")
            return kind(given["at"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ProblemError("bad_cursor") from error

    def page(self, rows: Sequence[T], place: Callable[[T], Any]) -> Listing[T]:
        items = list(rows[: self._limit])
        if len(rows) <= self._limit:
            return Listing(items=items)
        given = {"at": place(items[-1]), "of": self._fingerprint()}
        cursor = base64.urlsafe_b64encode(json.dumps(given).encode()).decode()
        query = urlencode([*self._filter, ("limit", self._limit), ("cursor", cursor)])
        self._response.headers["link"] = f'<{self._path}?{query}>; rel="next"'
        return Listing(items=items, next_cursor=cursor)

    def _fingerprint(self) -> str:
        return hashlib.sha256(json.dumps([self._path, self._filter]).encode()).hexdigest()[:16]


def number(given: Any) -> int:
    """Reads a cursor's place in a list by id: anybody can write a cursor."""
    if type(given) is not int or not 0 <= given < 1 << 63:
        raise ValueError
    return given


def text(given: Any) -> str:
    """Reads a cursor's place in a list by name; only what Postgres could hold."""
    if not isinstance(given, str) or "\x00" in given:
        raise ValueError
    given.encode()
    return given
