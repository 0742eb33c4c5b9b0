"""One line of a sales order: what each type needs and takes from its product or charge (sage200.md 9.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.checks import check_object, need
from app.sandbox.sage200.locks import Record, check_lock
from app.sandbox.sage200.money import Method, value_line
from app.sandbox.sage200.refusal import invalid
from app.sandbox.sage200.sheets import LINE
from app.sandbox.sage200.stock import find_holding
from app.sandbox.sage200.switches import setting
from app.sandbox.store import Change
from app.sandbox.world import World

STANDARD, FREE_TEXT, CHARGE, COMMENT = (
    "EnumLineTypeStandard",
    "EnumLineTypeFreeText",
    "EnumLineTypeCharge",
    "EnumLineTypeComment",
)
ON_DESPATCH, SEPARATELY, UNCONFIRMED = "ConfirmOnDespatch", "Confirm", "NoConfirmation"
PRICED = frozenset({"selling_unit_price", "selling_unit_price_overridden", "tax_code_id", "cost_price"})
NOMINAL = frozenset({"nominal_reference", "nominal_cost_centre", "nominal_department"})
DISCOUNT = frozenset(
    {"unit_discount_percent", "unit_discount_value", "discount_percent_specified", "unit_discount_overridden"}
)
STOCKED = frozenset({"product_id", "warehouse_id", "to_allocate_quantity"})
INTENT = frozenset({"confirmation_intent_type"})
MISPLACED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        STANDARD: INTENT,
        FREE_TEXT: STOCKED | {"code"},
        CHARGE: STOCKED | DISCOUNT | INTENT | {"line_quantity"},
        COMMENT: STOCKED | DISCOUNT | INTENT | PRICED | NOMINAL | {"line_quantity", "code"},
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One write on an order: who, when, and what it may change."""

    world: World
    change: Change
    stamp: str
    user: str

    def setting(self, name: str) -> Any:
        return setting(self.world, name)

    def find(self, entity: str, id_: int, what: str) -> Doc:
        found = self.change.get(f"sage200.{entity}", id_)
        if found is None:
            raise invalid(f"The {what} with id {id_} does not exist.")
        return found

    @property
    def strict(self) -> bool:
        return bool(self.setting("unknown_fields") == "refuse")

    @property
    def method(self) -> Method:
        return Method(
            self.setting("tax_level"),
            self.setting("discounted_price_places"),
            self.setting("are_prices_tax_inclusive"),
        )


def check_line(entry: Entry, body: Any, line_type: str = "") -> Doc:
    """The writable fields of a line; `line_type` is that of an existing line, which cannot change."""
    line = check_object(body, LINE, strict=entry.strict)
    need({"line_type": line_type or line.get("line_type")}, "line_type")
    if line_type and line.get("line_type", line_type) != line_type:
        raise invalid("The type of a line cannot be changed.")
    kind = line_type or line["line_type"]
    for name in MISPLACED[kind] & line.keys():
        if entry.strict:
            raise invalid(f"The property '{name}' cannot be set on a line of type {kind}.")
        del line[name]
    return line


def complete_line(entry: Entry, line: Doc, customer: Doc, discount: Decimal) -> None:
    """Resolves what the line names, fills in what it left out and works out its money."""
    FILL[line["line_type"]](entry, line)
    if line["line_type"] != COMMENT:
        line.setdefault("tax_code_id", customer["default_tax_code_id"])
        check_nominal(entry, line)
        check_sign(entry, line)
        rate = Decimal(entry.find("tax_code", line["tax_code_id"], "tax code")["tax_rate"])
    else:
        rate = Decimal(0)
    value_line(line, rate, entry.method, discount)


def fill_standard(entry: Entry, line: Doc) -> None:
    need(line, "product_id", "warehouse_id", "line_quantity")
    product = entry.find("product", line["product_id"], "product")
    warehouse = entry.find("warehouse", line["warehouse_id"], "warehouse")
    if not warehouse["use_for_sales_trading"]:
        raise invalid(f"The warehouse {warehouse['name']} is not used for sales trading.")
    check_lock(entry.world, entry.change, Record("product", product["id"], f"Product {product['code']}"))
    if product["product_status_type"] != "Active" or not product["allow_sales_order"]:
        raise invalid(f"The product {product['code']} cannot be sold: it is not active.")
    if find_holding(entry.change, line["product_id"], line["warehouse_id"]) is None:
        raise invalid(
            f"The product {product['code']} is not held in the warehouse with id {line['warehouse_id']}."
        )
    if Decimal(line["line_quantity"]) <= 0:
        raise invalid("The property 'line_quantity' must be above zero.")
    if not 0 <= Decimal(line.get("to_allocate_quantity", "0")) <= Decimal(line["line_quantity"]):
        raise invalid("The property 'to_allocate_quantity' cannot exceed the line quantity.")
    line.update(code=product["code"], confirmation_intent_type=ON_DESPATCH)
    if not line.get("use_description"):
        line["description"] = product["name"]
    line.setdefault("tax_code_id", product["tax_code_id"])
    default_nominal(entry, line, product["revenue_nominal_code_id"])
    set_price(entry, line, product)


def set_price(entry: Entry, line: Doc, product: Doc) -> None:
    """The caller's price, or the list price; who may override is a permission (sage200.md 10.6)."""
    asked = "selling_unit_price" in line or DISCOUNT & line.keys()
    if asked and not entry.setting("override_prices_discounts"):
        if entry.setting("prices_without_permission") == "refuse":
            raise invalid("You do not have permission to change prices and discounts.")
        for name in {"selling_unit_price", *DISCOUNT} & line.keys():
            del line[name]
    if entry.setting("price_needs_overridden_flag") and not line.get("selling_unit_price_overridden"):
        line.pop("selling_unit_price", None)
    line.setdefault("selling_unit_price", product["list_price"])


def fill_free_text(entry: Entry, line: Doc) -> None:
    need(line, "description", "line_quantity")
    line.setdefault("selling_unit_price", "0")
    line.setdefault("confirmation_intent_type", entry.setting("default_free_text_confirm_intent_type"))
    if line["confirmation_intent_type"] not in {ON_DESPATCH, SEPARATELY, UNCONFIRMED}:
        raise invalid("The property 'confirmation_intent_type' cannot have this value.")


def fill_charge(entry: Entry, line: Doc) -> None:
    if "code" not in line:
        need(line, "description")
        line.setdefault("selling_unit_price", "0")
        return
    charge = next(iter(entry.change.find("sage200.charge", code=line["code"])), None)
    if charge is None:
        raise invalid(f"The additional charge '{line['code']}' does not exist.")
    line.setdefault("description", charge["name"])
    line.setdefault("selling_unit_price", charge["charge_value"])
    line.setdefault("tax_code_id", charge["tax_code_id"])
    default_nominal(entry, line, charge["nominal_code_id"])


def fill_comment(_: Entry, line: Doc) -> None:
    need(line, "description")


FILL: Mapping[str, Callable[[Entry, Doc], None]] = MappingProxyType(
    {STANDARD: fill_standard, FREE_TEXT: fill_free_text, CHARGE: fill_charge, COMMENT: fill_comment}
)


def default_nominal(entry: Entry, line: Doc, nominal_id: int) -> None:
    if NOMINAL & line.keys():
        if not entry.setting("amend_nominal_codes"):
            raise invalid("Nominal codes of order lines cannot be amended.")
        return
    nominal = entry.find("nominal_code", nominal_id, "nominal code")
    line["nominal_reference"] = nominal["reference"]
    line["nominal_cost_centre"] = nominal["cost_centre_code"]
    line["nominal_department"] = nominal["department_code"]


def check_nominal(entry: Entry, line: Doc) -> None:
    """The three parts name one nominal account together (sage200.md 9.8)."""
    if not NOMINAL & line.keys():
        return
    parts = [
        line.get(name, "") for name in ("nominal_reference", "nominal_cost_centre", "nominal_department")
    ]
    found = entry.change.find(
        "sage200.nominal_code", reference=parts[0], cost_centre_code=parts[1], department_code=parts[2]
    )
    if not found:
        raise invalid(f"The nominal code {'/'.join(parts)} does not exist.")


def check_sign(entry: Entry, line: Doc) -> None:
    if line["line_type"] == STANDARD:
        if Decimal(line["selling_unit_price"]) < 0:
            raise invalid("The property 'selling_unit_price' must not be negative.")
        return
    value = Decimal(line["selling_unit_price"]) * Decimal(line.get("line_quantity", "1"))
    if value < 0 and entry.setting("negative_free_text") == "refuse":
        raise invalid("The value of the line must not be negative.")
