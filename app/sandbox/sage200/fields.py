"""What a field is on the wire: its kind, its length or scale, whether a caller may write it (sage200.md 8, 9)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

DOCUMENT_STATUS = ("Live", "OnHold", "Complete", "Dispute", "Cancelled", "Draft", "Printed")
ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "document_status": tuple(f"EnumDocumentStatus{name}" for name in DOCUMENT_STATUS),
        "line_type": (
            "EnumLineTypeStandard",
            "EnumLineTypeFreeText",
            "EnumLineTypeCharge",
            "EnumLineTypeComment",
        ),
        "customer_type": ("EnumCustomerTypeCredit", "EnumCustomerTypeCash", "EnumCustomerTypeProspect"),
        "account_status": ("AccountStatusActive", "AccountStatusHidden"),
        "product_status": ("Active", "Inactive"),
        "amendability": ("EnumAmendabilityTypeNotAmendable", "EnumAmendabilityTypeAll"),
        "confirmation_intent": ("ConfirmOnDespatch", "Confirm"),
    }
)
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(Z)?")


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: int, str, dec, date (a day, no zone), stamp (UTC), bool, enum. `size`: length of str, scale of dec."""

    kind: str
    size: int = 0
    enum: str = ""
    read_only: bool = False

    def show(self, value: Any) -> Any:
        """A stored value as the API prints it; a stamp loses the zeros at its end, so its fraction has 0 to 3 digits."""
        if value is None:
            return None
        if self.kind == "dec":
            return half_up(Decimal(value), self.size)
        if self.kind == "stamp":
            return f"{value[:23].rstrip('0').rstrip('.') if '.' in value else value}Z"
        return value

    def comparable(self, value: Any) -> Any:
        if value is None:
            return None
        if self.kind == "dec":
            return Decimal(value)
        if self.kind in {"date", "stamp"}:
            return canonical(value)
        return value


Fields = Mapping[str, Field]


def canonical(stamp: str) -> str:
    """ISO date or date and time as text that sorts by time, microseconds included; raises ValueError."""
    text = f"{stamp}T00:00:00" if len(stamp) == len("2026-01-01") else stamp
    match = STAMP.fullmatch(text)
    if match is None:
        raise ValueError(stamp)
    return f"{match[1]}.{(match[2] or '')[:6].ljust(6, '0')}"


def half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def declare(table: str) -> Fields:
    """Reads `name kind[size][:enum][ ro]` lines; `name_{1..20}` stands for twenty fields."""
    fields: dict[str, Field] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        name, kind, *rest = line.split()
        word, _, enum = kind.partition(":")
        match = re.fullmatch(r"([a-z]+)(\d*)", word)
        if match is None:
            raise ValueError(line)
        field = Field(match[1], int(match[2] or 0), enum, rest == ["ro"])
        for each in spread(name):
            fields[each] = field
    return MappingProxyType(fields)


def spread(name: str) -> list[str]:
    match = re.fullmatch(r"(.*)\{(\d+)\.\.(\d+)\}", name)
    if match is None:
        return [name]
    return [f"{match[1]}{number}" for number in range(int(match[2]), int(match[3]) + 1)]
