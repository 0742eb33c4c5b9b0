"""The committed documents in memory, with an index per field that somebody looked for."""

from collections.abc import Iterable, Iterator
from typing import Any

Doc = dict[str, Any]


def clone(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


class Mirror:
    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self._docs: dict[str, dict[str, Doc]] = {}
        self._indexes: dict[str, dict[str, dict[Any, dict[str, None]]]] = {}

    def peek(self, entity: str, id_: str) -> Doc | None:
        """The document itself: never change it, replace it."""
        return self._docs.get(entity, {}).get(id_)

    def ids(self, entity: str) -> list[str]:
        return list(self._docs.get(entity, {}))

    def docs(self, entity: str) -> Iterable[Doc]:
        return self._docs.get(entity, {}).values()

    def set(self, entity: str, id_: str, doc: Doc) -> None:
        self._unindex(entity, id_)
        self._docs.setdefault(entity, {})[id_] = doc
        for field, index in self._indexes.get(entity, {}).items():
            index.setdefault(doc.get(field), {})[id_] = None

    def drop(self, entity: str, id_: str) -> None:
        self._unindex(entity, id_)
        self._docs.get(entity, {}).pop(id_, None)

    def matching(self, entity: str, field: str, value: Any) -> list[Doc]:
        docs = self._docs.get(entity, {})
        index = self._indexes.setdefault(entity, {}).get(field)
        if index is None:
            index = self._indexes[entity][field] = {}
            for id_, doc in docs.items():
                index.setdefault(doc.get(field), {})[id_] = None
        return [docs[id_] for id_ in index.get(value, ())]

    def _unindex(self, entity: str, id_: str) -> None:
        old = self._docs.get(entity, {}).get(id_)
        if old is None:
            return
        for field, index in self._indexes.get(entity, {}).items():
            index.get(old.get(field), {}).pop(id_, None)


class View:
    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def get(self, entity: str, id: int | str) -> Doc | None:  # noqa: A002 - the vendors' own word
        doc = self._mirror.peek(entity, str(id))
        return None if doc is None else dict(clone(doc))

    def all(self, entity: str) -> list[Doc]:
        return [clone(doc) for doc in self._mirror.docs(entity)]

    def find(self, entity: str, **equal: Any) -> list[Doc]:
        """Documents whose top-level fields equal all of these (scalars only); indexed, so it may be called per request."""
        return [clone(doc) for doc in self.seek(entity, **equal)]

    def seek(self, entity: str, **equal: Any) -> Iterator[Doc]:
        """As `find`, or everything without a condition, but the stored documents themselves: read them, never change them."""
        if not equal:
            yield from self._mirror.docs(entity)
            return
        (field, value), *rest = equal.items()
        for doc in self._mirror.matching(entity, field, value):
            if all(doc.get(name) == wanted for name, wanted in rest):
                yield doc
