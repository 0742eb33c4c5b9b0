from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.stamps import stamp_now
from app.sandbox.store import Change
from app.sandbox.world import World

RETAILER = MappingProxyType({"currency": "GBP", "country": "GB", "price_band": "RETAILERS"})
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "client_id": "sluice-sandbox",
        "client_secret": "sandbox-client-secret",
        "refresh_token": "sandbox-refresh-token",
        "customers": [
            {"reference": "WEBGBP", "name": "Web shop GBP", "currency": "GBP", "country": "GB"},
            {"reference": "WEBEUR", "name": "Web shop EUR", "currency": "EUR", "country": "IE"},
            {"reference": "PHONE", "name": "Telephone orders", "currency": "GBP", "country": "GB"},
            {"reference": "ARGOSY", "name": "Argosy Stores", **RETAILER},
            {"reference": "LEWISON", "name": "Lewison Partners", **RETAILER},
            {"reference": "HARTLEY", "name": "Hartley & Vale", **RETAILER},
            {"reference": "LIBERT01", "name": "Libertine Stores Ltd", "currency": "GBP", "country": "GB"},
        ],
        "warehouses": ["HOME", "RESERVE"],
        # As people type them: the service is in the name.
        "couriers": [
            "DPD Local Next Day",
            "DPD Local Two Day",
            "Royal Mail Tracked 24",
            "Royal Mail Tracked 48",
            "Royal Mail Special Delivery",
            "Parcelforce 48",
            "Evri",
            "Yodel",
            "UPS Standard",
            "Own van",
        ],
        "charges": [{"code": "CARRIAGE", "name": "Carriage", "nominal": ["4905", "WEB", "UK"], "tax": 1}],
        "nominals": [
            ["4000", "", ""],
            ["4000", "WEB", "UK"],
            ["4000", "WEB", "EU"],
            ["4905", "WEB", "UK"],
            ["8250", "WEB", "UK"],
            ["2230", "", ""],
        ],
        "mandatory_analysis": True,
    }
)


class Seeding:
    def __init__(self, world: World, change: Change, spec: Doc) -> None:
        self.world = world
        self.change = change
        self.spec: Doc = {**DEFAULTS, **spec}
        self.stamp = stamp_now(world)
        self.made: dict[str, dict[str, int]] = {}

    def put(self, entity: str, code: str, doc: Doc) -> int:
        """Ids have gaps and begin above 27,000, so that nobody takes a code for an id."""
        id_ = self.change.next_id("sage200.id", 27_000)
        stamps = {"date_time_created": self.stamp, "date_time_updated": self.stamp}
        self.change.put(f"sage200.{entity}", id_, {"id": id_, **doc, **stamps})
        self.made.setdefault(entity, {})[code] = id_
        return id_

    def id_of(self, entity: str, code: str) -> int:
        return self.made[entity][code]
