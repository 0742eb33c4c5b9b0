"""All that a document may ask for at its top."""

from typing import Any

from app.sandbox.centra.mutations import Mutations
from app.sandbox.centra.order_mutations import OrderMutations
from app.sandbox.centra.queries import Queries
from app.sandbox.centra.ship_mutations import ShipmentMutations
from app.sandbox.centra.visit import Visit


def gather_roots(visit: Visit) -> dict[str, Any]:
    parts = (Queries(visit), Mutations(visit), OrderMutations(visit), ShipmentMutations(visit))
    return {name: root for part in parts for name, root in part.roots().items()}
