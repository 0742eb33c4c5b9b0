"""The published slice of the schema, and what the sandbox adds to it."""

from functools import cache
from pathlib import Path

from graphql import GraphQLSchema, build_schema, extend_schema, parse, print_type

from app.sandbox.centra.arithmetic import PRODUCT
from app.sandbox.centra.shop import INVENTED_STATUS

SLICE = Path(__file__).parents[3] / "openapi" / "vendors" / "centra.graphql"
GIFT = "GiftCertificateOrderLine"


@cache
def load_schema() -> GraphQLSchema:
    """With one order status more than anybody knows of, and a line type that no public page shows."""
    schema = build_schema(SLICE.read_text(encoding="utf-8"))
    product_line = schema.type_map[PRODUCT]
    gift_line = print_type(product_line).replace(PRODUCT, GIFT)
    return extend_schema(schema, parse(f"extend enum OrderStatus {{ {INVENTED_STATUS} }}\n{gift_line}"))
