"""Delivery addresses that are kept with a customer (sage200.md 9.1, 9.6)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.checks import check_object, need
from app.sandbox.sage200.despatch_sheets import CUSTOMER_ADDRESS
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.sheets import DELIVERY_ADDRESS

ADDRESSES = "sage200.customer_delivery_address"
# An order's own address has other names for some fields, and a shorter telephone number.
RENAMED: Mapping[str, str] = MappingProxyType(
    {"telephone_number": "telephone", "fax_number": "fax", "email_address": "email"}
)


def add_address(entry: Entry, body: Any) -> Doc:
    address = check_object(body, CUSTOMER_ADDRESS, strict=entry.strict)
    need(address, "customer_id", "description", "tax_code_id")
    id_ = entry.change.next_id("sage200.id", 27_000)
    return keep(entry, {"is_default": False, **address, "id": id_, "date_time_created": entry.stamp})


def change_address(entry: Entry, id_: str, body: Any) -> Doc:
    address = find_address(entry, id_)
    wish = check_object(body, CUSTOMER_ADDRESS, strict=entry.strict)
    if wish.get("customer_id", address["customer_id"]) != address["customer_id"]:
        raise invalid("The customer of a delivery address cannot be changed.")
    address.update(wish)
    need(address, "description")
    return keep(entry, address)


def remove_address(entry: Entry, id_: str) -> None:
    entry.change.delete(ADDRESSES, find_address(entry, id_)["id"])


def find_address(entry: Entry, id_: str) -> Doc:
    address = entry.change.get(ADDRESSES, id_)
    if address is None:
        raise Refused(404, f"No record with id {id_} exists in customer_delivery_addresses.")
    return address


def keep(entry: Entry, address: Doc) -> Doc:
    """A customer has one default at most."""
    entry.find("customer", address["customer_id"], "customer")
    entry.find("tax_code", address["tax_code_id"], "tax code")
    for name in {"country_code_id", "address_country_code_id"} & address.keys():
        country = entry.find("country_code", address[name], "country code")
        if name == "address_country_code_id":
            address["country"] = country["name"]
    if address["is_default"]:
        for other in entry.change.find(ADDRESSES, customer_id=address["customer_id"], is_default=True):
            entry.change.put(ADDRESSES, other["id"], {**other, "is_default": False})
    address["date_time_updated"] = entry.stamp
    entry.change.put(ADDRESSES, address["id"], address)
    return address


def copy_address(entry: Entry, order: Doc) -> Doc:
    """The stored address that the order names, as the order's own."""
    id_ = order["customer_delivery_address_id"]
    stored = entry.find("customer_delivery_address", id_, "delivery address")
    if stored["customer_id"] != order["customer_id"]:
        raise invalid(f"The delivery address with id {id_} belongs to another customer.")
    copied: Doc = {"date_time_created": entry.stamp, "date_time_updated": entry.stamp}
    for name, field in DELIVERY_ADDRESS.items():
        value = stored.get(RENAMED.get(name, name))
        if value is not None and not field.read_only:
            copied[name] = value[: field.size] if field.kind == "str" else value
    return copied
