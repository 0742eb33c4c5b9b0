"""`$filter` (sage200.md 6): comparisons, and, or, brackets, contains, startswith, endswith. All else is refused."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Protocol

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from app.sandbox.sage200.fields import ENUMS, Field, Fields, canonical
from app.sandbox.sage200.refusal import invalid


class Row(Protocol):
    def get(self, name: str, /) -> Any: ...


Test = Callable[[Row], bool]
COMPARE: Mapping[type, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
    }
)
TEXT: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "contains": operator.contains,
        "startswith": str.startswith,
        "endswith": str.endswith,
    }
)
MOST_WHOLE, MOST_DECIMAL = 2**63, Decimal(10) ** 28
QUOTED = re.compile(r"'(?:[^']|'')*'")
SHOUTED = re.compile(
    r"\b(?!(?:eq|ne|gt|ge|lt|le|and|or|not|true|false|null)\b)(?i:eq|ne|gt|ge|lt|le|and|or|not|true|false|null)\b"
)
"""Words of the language are written small; the parser would take any spelling."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`names`: fields it asks about. `equals`: (field, value) pairs of which every match fulfils at least one, or None
    where the filter does not narrow like that.
    """

    test: Test
    names: frozenset[str]
    equals: frozenset[tuple[str, Any]] | None


def parse_filter(text: str, fields: Fields, *, nulls: bool = True) -> Filter:
    shouted = SHOUTED.search(QUOTED.sub("''", text))
    if shouted is not None:
        raise invalid(f"The filter cannot be read: '{shouted[0]}'.")
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(text))
    except (ODataException, RecursionError) as error:
        raise invalid(f"The filter cannot be read: {error}") from error
    if tree is None:
        raise invalid("The filter is empty.")
    return Compiler(fields, nulls=nulls).compile(tree)


class Compiler:
    def __init__(self, fields: Fields, *, nulls: bool) -> None:
        self._fields = fields
        self._nulls = nulls

    def compile(self, node: Any) -> Filter:
        if isinstance(node, ast.BoolOp):
            return self._join(node)
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
            return self._call_compared(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise invalid(f"The filter uses {type(node).__name__}, which is not supported.")

    def _join(self, node: ast.BoolOp) -> Filter:
        left, right = self.compile(node.left), self.compile(node.right)
        names = left.names | right.names
        if isinstance(node.op, ast.And):
            narrow = left.equals if left.equals is not None else right.equals
            return Filter(lambda row: left.test(row) and right.test(row), names, narrow)
        both = None if left.equals is None or right.equals is None else left.equals | right.equals
        return Filter(lambda row: left.test(row) or right.test(row), names, both)

    def _compare(self, node: ast.Compare) -> Filter:
        name, field = self._field(node.left)
        compare = COMPARE.get(type(node.comparator))
        if compare is None:
            raise invalid(f"The operator {type(node.comparator).__name__} is not supported.")
        wanted = self._literal(name, field, node.right)
        same = isinstance(node.comparator, ast.Eq)
        if wanted is None or field.kind in {"bool", "enum"}:
            if compare not in {operator.eq, operator.ne}:
                raise invalid(f"{name} can only be compared with eq and ne.")
            return Filter(
                lambda row: compare(field.comparable(row.get(name)), wanted), frozenset({name}), None
            )

        def test(row: Row) -> bool:
            value = field.comparable(row.get(name))
            return (compare is operator.ne) if value is None else compare(value, wanted)

        narrow = frozenset({(name, wanted)}) if same and field.kind in {"int", "str"} else None
        return Filter(test, frozenset({name}), narrow)

    def _call_compared(self, node: ast.Compare) -> Filter:
        if not isinstance(node.right, ast.Boolean) or not isinstance(node.comparator, (ast.Eq, ast.NotEq)):
            raise invalid("A text function can only be compared with true or false.")
        inner = self.compile(node.left)
        wanted = (node.right.val == "true") == isinstance(node.comparator, ast.Eq)
        return Filter(lambda row: inner.test(row) is wanted, inner.names, None)

    def _call(self, node: ast.Call) -> Filter:
        function = TEXT.get(node.func.name)
        if function is None or len(node.args) != 2:
            raise invalid(f"The function {node.func.name} is not supported.")
        name, field = self._field(node.args[0])
        part = node.args[1]
        if field.kind != "str" or not isinstance(part, ast.String):
            raise invalid(f"{node.func.name} needs a text field and a text.")
        text = part.val
        return Filter(lambda row: function(row.get(name) or "", text), frozenset({name}), None)

    def _field(self, node: Any) -> tuple[str, Field]:
        if not isinstance(node, ast.Identifier) or node.namespace:
            raise invalid("A filter compares a field with a value.")
        if node.name not in self._fields:
            raise invalid(f"Could not find a property named '{node.name}'.")
        return node.name, self._fields[node.name]

    def _literal(self, name: str, field: Field, node: Any) -> Any:
        if isinstance(node, ast.Null) and self._nulls:
            return None
        kinds: dict[str, tuple[type, ...]] = {
            "int": (ast.Integer,),
            "dec": (ast.Integer, ast.Float),
            "str": (ast.String,),
            "enum": (ast.String,),
            "bool": (ast.Boolean,),
            "date": (ast.Date, ast.DateTime),
            "stamp": (ast.Date, ast.DateTime),
        }
        if not isinstance(node, kinds.get(field.kind, ())):
            raise invalid(f"{name} cannot be compared with this value.")
        return literal(name, field, node)


def literal(name: str, field: Field, node: Any) -> Any:
    if isinstance(node, ast.DateTime) and not node.val.endswith("Z"):
        raise invalid(f"The time compared with {name} must be UTC and end in Z.")
    if field.kind == "enum":
        return enum_name(name, field.enum, node.val)
    try:
        return number_or_moment(field, node.val)
    except ValueError:
        raise invalid(f"'{node.val[:40]}' is out of range for {name}.") from None


def number_or_moment(field: Field, text: str) -> Any:
    """Raises ValueError for a moment that is none, and for a number beyond what Sage's columns hold."""
    if field.kind in {"date", "stamp"}:
        datetime.fromisoformat(text[: len("2026-01-01T00:00:00")])
        return canonical(text)
    if field.kind == "dec":
        number = Decimal(text)
        if number.copy_abs() >= MOST_DECIMAL:
            raise ValueError(text)
        return number
    if field.kind == "int":
        if len(text) > len(str(MOST_WHOLE)) + 1 or not -MOST_WHOLE <= int(text) < MOST_WHOLE:
            raise ValueError(text)
        return int(text)
    return text == "true" if field.kind == "bool" else text


def enum_name(name: str, enum: str, text: str) -> str:
    """By name or by number."""
    names = ENUMS[enum]
    if text in map(str, range(len(names))):
        return names[int(text)]
    if text not in names:
        raise invalid(f"'{text}' is no value of {name}.")
    return text
