"""What a document costs and needs, found before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

NEEDS = {
    "order": "Order:read",
    "orders": "Order:read",
    "orderConnection": "Order:read",
    "shipments": "Shipment:read",
    "events": "Event:read",
    "eventListeners": "Event:read",
    "stores": "Store:read",
    "currencies": "Currency:read",
    "warehouses": "Warehouse:read",
    "productSizes": "ProductSize:read",
    "confirmEvents": "Event:write",
    "setEventListeners": "Event:write",
    "unsetEventListeners": "Event:write",
    "setOrdersLock": "Order.isLocked:write",
    "confirmOrder": "Order:write",
    "captureOrder": "Order:write",
    "updateDirectToConsumerOrder": "Order:write",
    "updateWholesaleOrder": "Order:write",
    "cancelDirectToConsumerOrder": "Order:write",
    "cancelWholesaleOrder": "Order:write",
    "createShipment": "Shipment:write",
    "captureShipment": "Shipment:write",
    "updateShipment": "Shipment:write",
    "completeShipment": "Shipment:write",
    "deleteShipment": "Shipment:write",
    "setStock": "StockChange:write",
}
FIELD_NEEDS = {
    "shippingAddress": "Order.shippingAddress:read",
    "billingAddress": "Order.billingAddress:read",
    "internalComment": "Order.internalComment:read",
    "paymentHistory": "PaymentHistory:read",
    "paymentHistoryEntry": "PaymentHistory:read",
    "paymentHistoryEntries": "PaymentHistory:read",
    "customer": "Customer:read",
    "account": "Account:read",
    "buyer": "Buyer:read",
    "shipments": "Shipment:read",
    "shipment": "Shipment:read",
    "order": "Order:read",
    "orderLine": "Order:read",
    "product": "Product:read",
    "productVariant": "Product:read",
    "productSize": "Product:read",
    "object": "Order:read",
    "stock": "ProductSize.stock:read",
}
CHEAP = {"rateLimits": 10}
ROOT_COST = 100
LIMITS = frozenset({"limit", "first", "last"})
PAGE = 20
UNBOUNDED = 3
"""How many entries a list without a limit is taken to have."""


@dataclass
class Weight:
    complexity: int = 0
    mutations: int = 0
    permissions: dict[str, tuple[FieldNode, tuple[str, ...]]] = field(default_factory=dict)


def weigh(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> Weight:
    """Of a valid document. `permissions`: each with the field that needs it first, and where it stands."""
    defaults = {
        one.variable.name.value: int(one.default_value.value)
        for one in operation.variable_definitions or ()
        if isinstance(one.default_value, IntValueNode)
    }
    return _Scales(schema, document, {**defaults, **variables}).weigh(operation)


class _Scales:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        self._weight = Weight()
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }

    def weigh(self, operation: OperationDefinitionNode) -> Weight:
        root = self._schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101 - validation saw to it
        for node, owner in self._fields(operation.selection_set, root):
            name = node.name.value
            inner = self._price(node, owner, (_answer_name(node),), NEEDS)
            self._weight.complexity += CHEAP.get(name, ROOT_COST + inner)
            if operation.operation is OperationType.MUTATION:
                self._weight.mutations += 1
        return self._weight

    def _price(self, node: FieldNode, owner: Any, path: tuple[str, ...], needs: dict[str, str]) -> int:
        permission = needs.get(node.name.value)
        if permission is not None:
            self._weight.permissions.setdefault(permission, (node, path))
        if node.name.value.startswith("__"):
            return 0
        named = get_named_type(owner.fields[node.name.value].type)
        if is_leaf_type(named) or node.selection_set is None:
            return 1
        inner = sum(
            self._price(child, parent, (*path, _answer_name(child)), FIELD_NEEDS)
            for child, parent in self._fields(node.selection_set, named)
        )
        return 1 + inner * self._count_entries(node, owner)

    def _fields(self, selection: SelectionSetNode, owner: Any) -> Iterator[tuple[FieldNode, Any]]:
        for one in selection.selections:
            if isinstance(one, FieldNode):
                yield one, owner
                continue
            inner = self._fragments[one.name.value] if isinstance(one, FragmentSpreadNode) else one
            assert isinstance(inner, (FragmentDefinitionNode, InlineFragmentNode))  # noqa: S101 - GraphQL has no fourth kind
            condition = inner.type_condition
            narrowed = self._schema.get_type(condition.name.value) if condition is not None else owner
            yield from self._fields(inner.selection_set, narrowed)

    def _count_entries(self, node: FieldNode, owner: Any) -> int:
        """What `limit`, `first` or `last` ask for, given or by default."""
        declared = owner.fields[node.name.value]
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        for name in LIMITS & declared.args.keys():
            value = given.get(name)
            if isinstance(value, IntValueNode):
                return bounded(int(value.value))
            if isinstance(value, VariableNode):
                return bounded(int(self._variables.get(value.name.value) or PAGE))
        if LIMITS & declared.args.keys():
            return PAGE
        nullable = declared.type.of_type if is_non_null_type(declared.type) else declared.type
        return UNBOUNDED if is_list_type(nullable) else 1


def bounded(limit: int) -> int:
    """A limit that will be refused costs no more and no less than one that might be asked for."""
    return min(max(limit, 1), 200)


def _answer_name(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
