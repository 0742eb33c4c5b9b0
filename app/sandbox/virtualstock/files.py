"""Virtualstock's SFTP server, as far as acknowledgements go: it takes files from a folder (virtualstock.md 9.1)."""

import csv
import io
from pathlib import Path

from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.virtualstock.act import ACTIONS, Deed, act
from app.sandbox.virtualstock.place import ORDER, naive
from app.sandbox.virtualstock.refusal import Refused, invalid
from app.sandbox.virtualstock.retailers import retailer_of
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

HEAD = ["order_number", "supplier_ref", "test_flag"]
LINE = [
    "line_ref",
    "part_number",
    "quantity",
    "comments",
    "sub_status",
    "supplier_dispatch_date",
    "supplier_delivery_date",
    "fulfillment_route",
]
FEWEST_ROWS = 4
REFERENCE = "virtualstock.reference"


def collect(world: World, change: Change, account: Doc) -> Doc:
    """Each file whose empty `.DONE` lies beside it: "taken", or why not. A refused one is renamed `.failed`, with `.err` and
    `.err.DONE` beside it; a taken one is gone without a word.
    """
    folder = Path(account["outgoing"])
    if not account["outgoing"]:
        raise ValueError("the account has no outgoing folder")
    found = sorted(path.with_suffix("") for path in folder.glob("order-*.ack.DONE"))
    return {path.name: _take(world, change, account, path) for path in found}


def _take(world: World, change: Change, account: Doc, path: Path) -> str:
    done = path.with_name(f"{path.name}.DONE")
    try:
        _obey(world, change, account, path.read_text(encoding="utf-8"))
    except (Refused, ValueError, OSError) as refusal:
        path.with_name(f"{path.name}.err").write_text(str(refusal), encoding="utf-8")
        path.with_name(f"{path.name}.err.DONE").touch()
        path.rename(path.with_name(f"{path.name}.failed"))
        done.unlink()
        return str(refusal)
    path.unlink()
    done.unlink()
    return "taken"


def _obey(world: World, change: Change, account: Doc, text: str) -> None:
    head, lines = read_acknowledgement(text)
    found = [
        order
        for order in change.find(ORDER, order_reference=head["order_number"])
        if order["account"] == account["username"]
    ]
    if len(found) != 1:
        raise ValueError(f"Order {head['order_number']} not found")
    order = found[0]
    if head["test_flag"].upper() != ("Y" if order["test_flag"] else "N"):
        raise ValueError("test_flag does not fit the order")
    retailer = retailer_of(change, order["retailer"])
    deed = Deed(world, change, ACTIONS["acknowledge"], order, retailer)
    stopped = act(deed, {"items": [_item(line) for line in lines]})
    if stopped is not None:
        raise stopped
    if head["supplier_ref"]:
        keep_reference(deed, change, head["supplier_ref"])
    order.update(supplier_ref=head["supplier_ref"], changed_at=naive(world.clock.now()))
    change.put(ORDER, order["id"], order)


def read_acknowledgement(text: str) -> tuple[Doc, list[Doc]]:
    """Its head and lines. Raises ValueError for any other layout."""
    if any(not (row.startswith('"') and row.endswith('"')) for row in text.splitlines()):
        raise ValueError("every cell must be quoted")
    rows = list(csv.reader(io.StringIO(text), strict=True))
    if len(rows) <= FEWEST_ROWS or rows[-1] != [str(len(rows) - 1)]:
        raise ValueError("the last row must count the rows before it")
    if rows[0] != HEAD or rows[2] != LINE:
        raise ValueError("unknown columns")
    if len(rows[1]) != len(HEAD) or any(len(row) != len(LINE) for row in rows[3:-1]):
        raise ValueError("a row has more or fewer cells than its header")
    head = dict(zip(HEAD, rows[1], strict=True))
    return head, [dict(zip(LINE, row, strict=True)) for row in rows[3:-1]]


def _item(line: Doc) -> Doc:
    """As the REST call would name it; an empty cell is no field."""
    named = {("comment" if name == "comments" else name): value for name, value in line.items()}
    return {name: value for name, value in named.items() if value}


def keep_comments(deed: Deed, change: Change, body: Doc) -> None:
    """A number told in an acknowledgement's comment."""
    if deed.action.name == "acknowledge":
        for text in {str(item["comment"]) for item in body["items"] if item.get("comment")}:
            keep_reference(deed, change, text)


def keep_reference(deed: Deed, change: Change, text: str) -> None:
    """The supplier's own number for an order; one of a kind if switched on. Raises Refused."""
    others = change.find(REFERENCE, text=text, account=deed.order["account"])
    clash = any(one["order"] != deed.order["id"] for one in others)
    if clash and setting(deed.world, "unique_supplier_reference"):
        raise invalid("Validation error: Supplier order reference is already in use")
    doc = {"text": text, "account": deed.order["account"], "order": deed.order["id"]}
    change.put(REFERENCE, f"{deed.order['id']}:{text}", doc)
