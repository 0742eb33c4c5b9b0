"""Couriers: the list that despatches choose from (sage200.md 7.1)."""

from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.checks import check_object, need
from app.sandbox.sage200.despatch_sheets import COURIER
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.refusal import Refused, invalid

COURIERS, DESPATCHES = "sage200.courier", "sage200.sop_despatch"


def add_courier(entry: Entry, body: Any) -> Doc:
    courier = check_courier(entry, body)
    id_ = entry.change.next_id("sage200.id", 27_000)
    return keep(entry, {"is_default": False, **courier, "id": id_, "date_time_created": entry.stamp})


def change_courier(entry: Entry, id_: str, body: Any) -> Doc:
    courier = find_courier(entry, id_)
    return rename(entry, courier, check_courier(entry, {"name": courier["name"], **body}))


def change_couriers(entry: Entry, body: list[Any]) -> list[Doc]:
    """Rows with an id are changed, or deleted with `is_to_delete`, the others added; answers all there are."""
    for row in body:
        change_row(entry, row)
    return entry.change.all(COURIERS)


def change_row(entry: Entry, row: Any) -> None:
    if not isinstance(row, dict):
        raise invalid("A list of JSON objects is needed.")
    if "id" not in row:
        add_courier(entry, row)
    elif row.get("is_to_delete") is True:
        remove_courier(entry, str(row["id"]))
    else:
        change_courier(entry, str(row["id"]), row)


def remove_courier(entry: Entry, id_: str) -> None:
    courier = find_courier(entry, id_)
    if entry.change.find(DESPATCHES, courier_id=courier["id"]):
        raise invalid(f"The courier '{courier['name']}' is used by despatches and cannot be deleted.")
    entry.change.delete(COURIERS, courier["id"])


def find_courier(entry: Entry, id_: str) -> Doc:
    courier = entry.change.get(COURIERS, id_)
    if courier is None:
        raise Refused(404, f"No record with id {id_} exists in couriers.")
    return courier


def check_courier(entry: Entry, body: Any) -> Doc:
    courier = check_object(body, COURIER, strict=entry.strict)
    need(courier, "name")
    return {name: value for name, value in courier.items() if name not in {"id", "is_to_delete"}}


def rename(entry: Entry, courier: Doc, wish: Doc) -> Doc:
    """Whether notes of old follow a new name is a switch; their times do not move."""
    if entry.setting("notes_follow_courier_name"):
        for note in entry.change.find(DESPATCHES, courier_id=courier["id"]):
            entry.change.put(DESPATCHES, note["id"], {**note, "courier_name": wish["name"]})
    return keep(entry, {**courier, **wish})


def keep(entry: Entry, courier: Doc) -> Doc:
    if courier["is_default"]:
        for other in entry.change.find(COURIERS, is_default=True):
            entry.change.put(COURIERS, other["id"], {**other, "is_default": False})
    courier["date_time_updated"] = entry.stamp
    entry.change.put(COURIERS, courier["id"], courier)
    return courier
