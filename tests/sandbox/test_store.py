from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.sandbox.clock import Clock
from app.sandbox.store import Call, Store


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: datetime(2026, 3, 2, 10, tzinfo=UTC))


@pytest.fixture
def store(tmp_path: Path, clock: Clock):
    store = Store(tmp_path / "s.sqlite3", clock)
    yield store
    store.close()


def test_record_tells_documents_before_and_after(store: Store):
    with store.record(Call("sage200", "POST", "/a")) as change:
        change.put("order", 1, {"id": 1, "state": "new"})
    with store.record(Call("sage200", "PUT", "/a/1", key="K")) as change:
        change.put("order", 1, {"id": 1, "state": "mid"})
        change.put("order", 1, {"id": 1, "state": "old"})
    row = store.history(since=1)[0]
    assert row["changed"] == [
        {
            "entity": "order",
            "id": "1",
            "before": {"id": 1, "state": "new"},
            "after": {"id": 1, "state": "old"},
        }
    ]
    assert (row["seq"], row["key"], row["at"]) == (2, "K", "2026-03-02T10:00:00+00:00")


def test_deleted_document_has_no_after(store: Store):
    with store.record(Call("s", "POST", "/")) as change:
        change.put("order", 1, {"id": 1})
    with store.record(Call("s", "DELETE", "/")) as change:
        change.delete("order", 1)
    assert store.history(since=1)[0]["changed"][0]["after"] is None
    assert store.read().get("order", 1) is None


def test_exception_takes_everything_back(store: Store):
    with store.record(Call("s", "POST", "/")) as change:
        change.put("order", 1, {"id": 1, "state": "kept"})
        change.next_id("order")
    with pytest.raises(RuntimeError):
        change_and_fail(store)
    with store.record(Call("s", "POST", "/")) as change:
        assert (change.next_id("order"), change.next_id("other")) == (2, 1)
    assert store.read().all("order") == [{"id": 1, "state": "kept"}]
    assert len(store.history()) == 2


def change_and_fail(store: Store) -> None:
    with store.record(Call("s", "POST", "/")) as change:
        change.put("order", 1, {"id": 1, "state": "lost"})
        change.put("order", 2, {"id": 2})
        change.next_id("order")
        change.next_id("other")
        raise RuntimeError


def test_reopened_store_forgets_nothing(tmp_path: Path, clock: Clock):
    first = Store(tmp_path / "s.sqlite3", clock)
    with first.record(Call("s", "POST", "/")) as change:
        change.put("order", 7, {"id": 7, "price": "1.10"})
        change.next_id("order", 7)
    # No close: what a killed process leaves behind.
    second = Store(tmp_path / "s.sqlite3", clock)
    with second.record(Call("s", "POST", "/")) as change:
        assert change.next_id("order", 7) == 8
        assert change.get("order", "7") == {"id": 7, "price": "1.10"}
    assert [row["seq"] for row in second.history()] == [1, 2]
    first.close()
    second.close()


def test_read_document_is_a_copy(store: Store):
    with store.record(Call("s", "POST", "/")) as change:
        change.put("order", 1, {"id": 1, "lines": [{"q": 1}]})
    store.read().get("order", 1)["lines"][0]["q"] = 2
    store.read().all("order")[0]["lines"].clear()
    assert store.read().get("order", 1) == {"id": 1, "lines": [{"q": 1}]}


def test_find_follows_changes_made_after_its_index(store: Store):
    with store.record(Call("s", "POST", "/")) as change:
        change.put("order", 1, {"id": 1, "ref": "A", "live": True})
        change.put("order", 2, {"id": 2, "ref": "A", "live": False})
        assert len(change.find("order", ref="A")) == 2
        change.put("order", 1, {"id": 1, "ref": "B", "live": True})
        change.delete("order", 2)
        change.put("order", 3, {"id": 3, "ref": "A", "live": True})
    assert [doc["id"] for doc in store.read().find("order", ref="A", live=True)] == [3]
    assert [doc["id"] for doc in store.read().find("order", ref="B")] == [1]


def test_change_sees_its_own_writes_and_so_does_the_next_view(store: Store):
    with store.record(Call("s", "POST", "/")) as change:
        change.put("order", 1, {"id": 1})
        assert change.get("order", 1) == {"id": 1}
    assert store.read().all("order") == [{"id": 1}]


def test_silent_record_keeps_documents_out_of_history(store: Store):
    with store.record(Call("s", "POST", "/seed"), silent=True) as change:
        change.put("order", 1, {"id": 1})
    assert store.history()[0]["changed"] == []
    assert store.read().get("order", 1) == {"id": 1}


def test_saved_setting_makes_no_history_row(store: Store):
    store.save("sandbox.switch", "a", {"value": 1})
    assert store.history() == []
    store.forget("sandbox.switch")
    assert store.read().all("sandbox.switch") == []


def test_history_is_cut_by_since_and_limit(store: Store):
    for path in "abcd":
        with store.record(Call("s", "GET", path)):
            pass
    assert [row["path"] for row in store.history(since=1, limit=2)] == ["b", "c"]
