"""The published slice of the schema, and what the sandbox adds to it."""

from pathlib import Path

from graphql import GraphQLSchema, build_schema, extend_schema, parse

from app.sandbox.centra.shop import INVENTED_STATUS

SLICE = Path(__file__).parents[3] / "openapi" / "vendors" / "centra.graphql"


def load_schema() -> GraphQLSchema:
    """With one order status more than anybody knows of."""
    schema = build_schema(SLICE.read_text(encoding="utf-8"))
    return extend_schema(schema, parse(f"extend enum OrderStatus {{ {INVENTED_STATUS} }}"))
