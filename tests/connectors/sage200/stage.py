"""The actors of these tests: a token store in memory, and a Sage that answers from canned records."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import simplejson

from app.connectors.sage200.settings import Sage200Settings
from app.domain.erp import Delivery, Entry, EntryKind, Nominal, SalesOrder
from app.domain.tokens import TokenPair

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
BASE = "https://sage.test/uk/sage200extra/accounts/v1"
SITE = "11111111-2222-3333-4444-555555555555"


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryTokens:
    """A lease that one at a time holds; `saved` keeps every pair ever saved."""

    def __init__(self, pair: TokenPair | None = None) -> None:
        self.pair = pair
        self.saved: list[TokenPair] = []
        self.leased = False
        self.asked = 0

    async def load(self) -> TokenPair | None:
        await asyncio.sleep(0)
        return self.pair

    @asynccontextmanager
    async def refresh_lease(self, seconds: float) -> AsyncIterator[bool]:
        assert seconds > 0
        self.asked += 1
        if self.leased:
            yield False
            return
        self.leased = True
        try:
            yield True
        finally:
            self.leased = False

    async def save(self, pair: TokenPair) -> None:
        await asyncio.sleep(0)
        self.pair = pair
        self.saved.append(pair)


class Remembering:
    """A hold: what it was told, in turn. `stops`: raised right before the write."""

    def __init__(self, stops: Exception | None = None) -> None:
        self.told: list[str] = []
        self.stops = stops

    async def begin(self) -> None:
        self.told.append("begin")

    async def take(self, lock_id: int) -> None:
        self.told.append(f"take {lock_id}")

    async def write(self) -> None:
        self.told.append("write")
        if self.stops is not None:
            raise self.stops

    async def end(self) -> None:
        self.told.append("end")


def settings(**changes: Any) -> Sage200Settings:
    plain = {
        "base_url": BASE,
        "token_url": "https://sage.test/oauth/token",
        "client_id": "CID",
        "client_secret": "made-up",
        "refresh_token": "RT0",
        "site": SITE,
        "company": 12,
    }
    return Sage200Settings.model_validate(plain | changes)


TABLES: dict[str, list[dict[str, Any]]] = {
    "sop_despatch_receipts": [],
    "sop_order_despatch_views": [],
    "sop_order_despatch_line_views": [],
    "nominal_codes": [
        {"id": 1, "reference": "41100", "cost_centre_code": "WEB", "department_code": None},
        {"id": 2, "reference": "99999", "cost_centre_code": "", "department_code": ""},
    ],
    "tax_codes": [
        {"id": 51, "code": 1, "name": "Standard", "tax_rate": Decimal("20.00")},
        {"id": 52, "code": 2, "name": "Zero", "tax_rate": Decimal("0.00")},
        {"id": 59, "code": 9, "name": "Outside", "tax_rate": Decimal("0.00")},
    ],
    "warehouses": [
        {"id": 61, "name": "HOME", "use_for_sales_trading": True},
        {"id": 62, "name": "REPAIRS", "use_for_sales_trading": False},
    ],
    "product_groups": [{"id": 65, "code": "DRESSES"}, {"id": 66, "code": "TOPS"}],
    "country_codes": [{"id": 71, "code": "GB", "name": "United Kingdom"}],
    "currencies": [
        {"id": 1, "symbol": "£", "currency_iso_code": {"code": "GBP"}},
        {"id": 2, "symbol": "€", "currency_iso_code": {"code": "EUR"}},
    ],
    "sop_additional_charges": [{"id": 81, "code": "CARRIAGE", "name": "Carriage"}],
    "analysis_code_mappings": [
        {
            "id": 91,
            "class_name": "Sage.Accounting.SOP.SOPOrderReturn",
            "property_name": "AnalysisCode1",
            "slot": 0,
            "is_mandatory": True,
            "is_read_only": False,
        },
        {
            "id": 92,
            "class_name": "Sage.Accounting.SOP.SOPOrderReturnLine",
            "property_name": "AnalysisCode2",
            "slot": 2,
            "is_mandatory": True,
        },
    ],
    "sop_settings": [
        {
            "auto_generate_order_return_numbers": True,
            "are_prices_tax_inclusive": False,
            "allocate_stock_on_order_entry": True,
            "amend_nominal_codes": True,
            "amend_header_analysis_codes": True,
        }
    ],
    "current_user_sop_user_permissions": [{"id": 1, "override_prices_discounts": True}],
    "customers": [
        {"id": 501, "reference": "WEBGBP", "currency_id": 1, "on_hold": False},
        {"id": 502, "reference": "WEBEUR", "currency_id": 2, "on_hold": True},
    ],
    "products": [
        {
            "id": 1001,
            "code": "DRESS-S",
            "barcode": "501",
            "product_group_id": 65,
            "product_status_type": "Active",
            "allow_sales_order": True,
        },
        {
            "id": 1002,
            "code": "tee-m",
            "barcode": "502",
            "product_group_id": 66,
            "product_status_type": "Active",
            "allow_sales_order": True,
        },
        {
            "id": 1003,
            "code": "TEE-OLD",
            "barcode": "502",
            "product_status_type": "Inactive",
            "allow_sales_order": True,
        },
    ],
    "sop_orders": [],
    "sop_order_return_views": [],
    "sites": [{"company_id": 12, "company_name": "Example", "site_id": SITE, "site_name": "Example"}],
}


@dataclass
class FakeSage:
    """`on_create`: what `POST sop_orders` does; by default it saves. `expected`: access tokens that work."""

    tables: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [dict(row) for row in rows] for name, rows in TABLES.items()}
    )
    requests: list[httpx.Request] = field(default_factory=list)
    refreshes: int = 0
    refresh_token: str = "RT0"
    access_token: str = ""
    lifetime: float = 28_800
    on_create: Callable[[httpx.Request], httpx.Response] | None = None
    on_read: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
    on_put: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
    lock: int | None = None
    reply_lines: bool = False
    on_enquiry: Callable[[httpx.Request], httpx.Response] = lambda _: reply(
        {"unit_price": Decimal("20.00"), "discounted_unit_price": Decimal("18.50")}
    )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/oauth/token"):
            return self._token(dict(parse_qsl(request.content.decode())))
        self.requests.append(request)
        wrong = request.headers.get("X-Site") != SITE or request.headers.get("X-Company") != "12"
        if request.headers["Authorization"] != f"Bearer {self.access_token}":
            return httpx.Response(401)
        path = request.url.path.removeprefix("/uk/sage200extra/accounts/v1/")
        if wrong and path != "sites":
            return httpx.Response(401)
        if path == "customer_price_enquiry":
            return self.on_enquiry(request)
        if request.method == "POST":
            return (self.on_create or self.save)(request)
        if request.method == "PUT":
            return self.on_put(request) or self.amend(request)
        return self.on_read(request) or self._get(path, request)

    def save(self, request: httpx.Request) -> httpx.Response:
        body = simplejson.loads(request.content, use_decimal=True)
        id_ = 40_000 + len(self.tables["sop_orders"]) + 1
        codes = {row["id"]: row["code"] for row in self.tables["products"]}
        lines = [
            line | {"id": id_ * 10 + place, "code": codes.get(line.get("product_id"), line.get("code"))}
            for place, line in enumerate(body["lines"])
        ]
        saved = body | {
            "id": id_,
            "document_no": f"{id_:010}",
            "document_status": "EnumDocumentStatusLive",
            "is_draft": False,
            "total_net_value": Decimal("44.89"),
            "total_tax_value": Decimal("8.98"),
            "total_gross_value": Decimal("53.87"),
            "lines": lines,
        }
        self.tables["sop_orders"].append(saved)
        return reply(saved if self.reply_lines else {k: v for k, v in saved.items() if k != "lines"})

    def amend(self, request: httpx.Request) -> httpx.Response:
        """Line by line; the lock ends with it."""
        body = simplejson.loads(request.content, use_decimal=True)
        if body["lock_id"] != self.lock:
            return reply({"Message": f"The lock {body['lock_id']} does not exist."}, 400)
        (row,) = [
            one for one in self.tables["sop_orders"] if str(one["id"]) == request.url.path.split("/")[-1]
        ]
        codes = {one["id"]: one["code"] for one in self.tables["products"]}
        for line in body.get("lines", []):
            old = next((one for one in row["lines"] if one["id"] == line.get("id")), None)
            if old is None:
                new = {"id": 900_000 + len(row["lines"]), "code": codes.get(line.get("product_id"))}
                row["lines"].append(line | new)
            elif line.get("is_to_delete"):
                row["lines"].remove(old)
            else:
                old.update(line)
        row.update({name: body[name] for name in body if name.startswith(("delivery", "analysis"))})
        self.lock = None
        return reply({name: value for name, value in row.items() if name != "lines"})

    def creates(self) -> list[dict[str, Any]]:
        return [simplejson.loads(r.content, use_decimal=True) for r in self.requests if r.method == "POST"]

    def asked(self, path: str) -> list[str]:
        """The filters ("" for none) that were sent to a list."""
        gets = [r for r in self.requests if r.method == "GET" and r.url.path.endswith(f"/{path}")]
        return [parse_qs(r.url.query.decode()).get("$filter", [""])[0] for r in gets]

    def _get(self, path: str, request: httpx.Request) -> httpx.Response:
        name, _, id_ = path.partition("/")
        if name == "licence":
            return reply(
                {"is_sales_orders_enabled": True, "is_sales_enabled": True, "is_stock_enabled": True}
            )
        if id_:
            found = [row for row in self.tables[name] if row["id"] == int(id_)]
            if "is_to_lock" in request.url.query.decode():
                self.lock = (self.lock or 900) + 1
                return reply({**found[0], "lock_id": self.lock})
            return reply(found[0]) if found else reply({"Message": "not found"}, 404)
        options = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        rows = [row for row in self.tables[name] if _matches(row, options.get("$filter", ""))]
        if "lines" not in options.get("$expand", "") and name == "sop_orders":
            rows = [{key: value for key, value in row.items() if key != "lines"} for row in rows]
        skip = int(options.get("$skip", 0))
        return reply(rows[skip : skip + int(options.get("$top", 500))])

    def _token(self, form: dict[str, str]) -> httpx.Response:
        if form["refresh_token"] != self.refresh_token:
            return reply({"error": "invalid_grant"}, 400)
        self.refreshes += 1
        self.refresh_token = f"RT{self.refreshes}"
        self.access_token = f"AT{self.refreshes}"
        return reply(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_in": self.lifetime,
            }
        )


def reply(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=simplejson.dumps(body, use_decimal=True))


def _matches(row: dict[str, Any], wanted: str) -> bool:
    """Only what the connector writes: or-lists of equalities, without regard to case as SQL Server compares, and where a poll
    or a walk by id begins.
    """
    if " ge " in wanted:
        name, moment = wanted.split(" ge ")
        return str(row[name]) >= moment
    if wanted.startswith("id gt "):
        return int(row["id"]) > int(wanted.removeprefix("id gt "))
    either = wanted.split(") and (", maxsplit=1)[0].strip("()")
    pairs = [term.split(" eq ", 1) for term in either.split(" or ")] if either else []
    return not pairs or any(
        str(row.get(name, "")).lower() == value.strip("'").replace("''", "'").lower() for name, value in pairs
    )


def order(**changes: Any) -> SalesOrder:
    nominal = Nominal("41100", "WEB")
    goods = Entry(
        kind=EntryKind.STANDARD,
        code="dress-s",
        description="Dress",
        quantity=Decimal(2),
        unit_net=Decimal("19.95"),
        net=Decimal("39.90"),
        tax=Decimal("7.98"),
        tax_code="1",
        nominal=nominal,
        warehouse="HOME",
    )
    carriage = replace(
        goods,
        kind=EntryKind.CHARGE,
        code="CARRIAGE",
        quantity=Decimal(1),
        unit_net=Decimal("5.00"),
        net=Decimal("5.00"),
        tax=Decimal("1.00"),
        warehouse="",
    )
    rounding = replace(
        goods,
        kind=EntryKind.FREE_TEXT,
        code="",
        description="Channel rounding",
        quantity=Decimal(1),
        unit_net=Decimal("-0.01"),
        net=Decimal("-0.01"),
        tax=Decimal(0),
        tax_code="9",
        nominal=Nominal("99999"),
        warehouse="",
    )
    plain = SalesOrder(
        key="CEN-10045",
        trace="CEN-10045",
        customer="WEBGBP",
        currency="GBP",
        document_date=date(2026, 3, 2),
        delivery=Delivery(
            name="Ada Shopper",
            lines=("1 High Street",),
            city="Leeds",
            county="",
            postcode="LS1 1AA",
            country="GB",
            email="ada@example.com",
        ),
        entries=(goods, carriage, rounding),
        net=Decimal("44.89"),
        tax=Decimal("8.98"),
        gross=Decimal("53.87"),
        analysis={1: "P100"},
    )
    return replace(plain, **changes)
