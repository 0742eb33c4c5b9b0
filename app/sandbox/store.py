"""Documents and history of the sandbox, durable in SQLite before a request is answered."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.sandbox.clock import Clock
from app.sandbox.mirror import Doc, Mirror, View

SCHEMA = """
CREATE TABLE IF NOT EXISTS document (entity TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (entity TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, system TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, status INTEGER NOT NULL, key TEXT NOT NULL, fault TEXT NOT NULL, changed TEXT NOT NULL
);
"""
COLUMNS = "seq, at, system, method, path, status, key, fault, changed"


@dataclass
class Call:
    """One request, as history will tell it; the handler fills in what it finds out until the record closes.
    `status` 0 = the caller got no answer and nothing was done.
    """

    system: str
    method: str
    path: str
    status: int = 200
    key: str = ""
    fault: str = ""
    recorded: bool = False


class Change(View):
    """Writes are seen at once by this and every later view; an exception takes them back."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(mirror)
        self.before: dict[tuple[str, str], Doc | None] = {}
        self.counters: dict[str, int | None] = {}

    def put(self, entity: str, id: int | str, doc: Doc) -> None:  # noqa: A002 - the vendors' own word
        self._remember(entity, str(id))
        self._mirror.set(entity, str(id), json.loads(json.dumps(doc)))

    def delete(self, entity: str, id: int | str) -> None:  # noqa: A002 - the vendors' own word
        self._remember(entity, str(id))
        self._mirror.drop(entity, str(id))

    def next_id(self, entity: str, start: int = 1) -> int:
        value = self._mirror.counters.get(entity)
        self.counters.setdefault(entity, value)
        self._mirror.counters[entity] = start if value is None else value + 1
        return self._mirror.counters[entity]

    def changed(self) -> list[Doc]:
        return [
            {"entity": entity, "id": id_, "before": before, "after": self._mirror.peek(entity, id_)}
            for (entity, id_), before in self.before.items()
        ]

    def undo(self) -> None:
        for (entity, id_), before in self.before.items():
            if before is None:
                self._mirror.drop(entity, id_)
            else:
                self._mirror.set(entity, id_, before)
        for entity, value in self.counters.items():
            if value is None:
                del self._mirror.counters[entity]
            else:
                self._mirror.counters[entity] = value

    def _remember(self, entity: str, id_: str) -> None:
        if (entity, id_) not in self.before:
            self.before[entity, id_] = self._mirror.peek(entity, id_)


class Store:
    """One connection, one thread: a transaction never spans an await. WAL with synchronous=NORMAL outlives SIGKILL."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._mirror = Mirror()
        for entity, id_, body in self._db.execute("SELECT entity, id, body FROM document"):
            self._mirror.set(entity, id_, json.loads(body))
        self._mirror.counters.update(self._db.execute("SELECT entity, value FROM counter").fetchall())

    @contextmanager
    def record(self, call: Call, *, silent: bool = False) -> Iterator[Change]:
        """One request = one transaction = one history row. An exception leaves no trace: record the refusal yourself.
        `silent` keeps the documents out of the row (a seed is thousands of them).
        """
        change = Change(self._mirror)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield change
            self._keep(change)
            self._tell(call, [] if silent else change.changed())
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            change.undo()
            raise
        call.recorded = True

    def read(self) -> View:
        return View(self._mirror)

    def save(self, entity: str, id: str, doc: Doc) -> None:  # noqa: A002 - as in Change.put
        """The sandbox's own settings: durable, but no call of a vendor's API and so no history row."""
        change = Change(self._mirror)
        change.put(entity, id, doc)
        self._keep(change)

    def forget(self, entity: str) -> None:
        change = Change(self._mirror)
        for id_ in self._mirror.ids(entity):
            change.delete(entity, id_)
        self._keep(change)

    def history(self, since: int = 0, limit: int = 10_000) -> list[Doc]:
        """Rows after `since`, oldest first: seq, at (ISO, UTC), system, method, path, status, key, fault, changed."""
        rows = self._db.execute(
            "SELECT seq, at, system, method, path, status, key, fault, changed FROM history WHERE seq > ? ORDER BY seq LIMIT ?",
            (since, limit),
        )
        names = COLUMNS.split(", ")
        return [dict(zip(names, (*row[:-1], json.loads(row[-1])), strict=True)) for row in rows]

    def close(self) -> None:
        self._db.close()

    def _tell(self, call: Call, changed: list[Doc]) -> None:
        row = (call.system, call.method, call.path, call.status, call.key, call.fault)
        self._db.execute(
            "INSERT INTO history (at, system, method, path, status, key, fault, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._clock.now().isoformat(), *row, json.dumps(changed) if changed else "[]"),
        )

    def _keep(self, change: Change) -> None:
        for entity, id_ in change.before:
            doc: Any = self._mirror.peek(entity, id_)
            if doc is None:
                self._db.execute("DELETE FROM document WHERE entity = ? AND id = ?", (entity, id_))
            else:
                self._db.execute(
                    "INSERT INTO document (entity, id, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                    (entity, id_, json.dumps(doc)),
                )
        for entity in change.counters:
            self._db.execute(
                "INSERT INTO counter (entity, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (entity, self._mirror.counters[entity]),
            )
