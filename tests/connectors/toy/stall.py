"""A market stall in memory: a strict small vendor with an HTTP API of its own, for the toy channel."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

TOKEN, SECRET, URL = "the stall's own token", "told between stall and gateway", "https://stall.test"
MOST = 2
"""News in one answer, whatever was asked for."""


@dataclass
class Stall:
    """`changes`: every write that changed something, oldest first."""

    orders: dict[str, dict] = field(default_factory=dict)
    news: list[dict] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)

    def place(self, *lines: tuple[str, int, str], **changes: Any) -> dict:
        """Lines are (sku, quantity, price of one with VAT)."""
        ref = str(4001 + len(self.orders))
        self.orders[ref] = {
            "ref": ref,
            "state": "new",
            "asked_to_cancel": False,
            "version": "2026-11-05T09:00:00Z",
            "currency": "GBP",
            "buyer": {"name": "Ada Marsh", "street": "3 Mill Lane", "town": "Leeds", "postcode": "LS1 1AA"},
            "lines": [
                {"line": f"{ref}-{place}", "sku": sku, "units": units, "price": price, "vat": "20"}
                for place, (sku, units, price) in enumerate(lines, 1)
            ],
            "page": f"{URL}/orders/{ref}",
            "number": "",
            "parcels": [],
            **changes,
        }
        self._tell(ref)
        return self.orders[ref]

    def ask_to_cancel(self, ref: str) -> None:
        self.orders[ref]["asked_to_cancel"] = True
        self._tell(ref)

    def _tell(self, ref: str) -> None:
        self.news.append({"id": 1 + (self.news[-1]["id"] if self.news else 0), "order": ref})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"error": "who are you?"})
        path = request.url.path.strip("/").split("/")
        if request.method == "GET":
            asked = parse_qs(request.url.query.decode())
            return self._news(int(asked["after"][0])) if path == ["news"] else self._orders(asked["refs"][0])
        body = json.loads(request.content)
        if path == ["news", "forget"]:
            self.news = [one for one in self.news if one["id"] not in body["ids"]]
            return httpx.Response(200, json={})
        return self._act(self.orders[path[1]], path[2], body)

    def _news(self, after: int) -> httpx.Response:
        left = [one for one in self.news if one["id"] > after]
        return httpx.Response(200, json={"news": left[:MOST], "more": len(left) > MOST})

    def _orders(self, refs: str) -> httpx.Response:
        return httpx.Response(
            200, json={"orders": [self.orders[one] for one in refs.split(",") if one in self.orders]}
        )

    def _act(self, order: dict, deed: str, body: dict) -> httpx.Response:
        """Nothing may be done twice, but parcels, which the stall counts blindly."""
        if deed == "accept" and order["state"] == "new":
            order |= {"state": "accepted", "number": body["number"]}
        elif deed == "parcels" and order["state"] == "accepted" and body["lines"]:
            order["parcels"].append(body)
        elif deed == "agree" and order["asked_to_cancel"] and order["state"] != "cancelled":
            order["state"] = "cancelled"
        else:
            return httpx.Response(409, json={"error": f"{deed} is not possible now"})
        self.changes.append((deed, order["ref"]))
        return httpx.Response(200, json={})
