"""A shopper's words are planted in every field; none of them may turn up where operators and machines read."""

import json
from io import StringIO

import httpx
import pytest
import structlog
from redis.asyncio import Redis

from app.telemetry.logs import configure_logging
from tests.stories.town import ADDRESS

CANARY = "Quetzalcoatlus"
SHOPPER = {
    "firstName": f"{CANARY}first",
    "lastName": f"{CANARY}last",
    "companyName": f"{CANARY} Ltd",
    "address1": f"1 {CANARY} Street",
    "address2": f"{CANARY} House",
    "city": f"{CANARY}ton",
    "zipCode": "QZ1 1AA",
    "email": f"{CANARY}@example.com",
    "phoneNumber": "07700900123",
}
WORDS = (CANARY.lower(), "07700900123", "qz1 1aa")


@pytest.fixture
def logs():
    """All that this process writes, as it would in production."""
    stream = StringIO()
    kept = structlog.get_config()
    configure_logging("worker", stream, level="DEBUG")
    yield stream
    structlog.configure(**kept)


def spoken(text: str) -> list[str]:
    return [word for word in WORDS if word in text.lower()]


@pytest.mark.requirement("R-79")
async def test_a_shoppers_words_reach_sage_and_nothing_else(logs, build_town, redis_url):
    async with build_town() as town:
        order = await town.place(address=SHOPPER)
        (document,) = await town.posted(order)
        assert CANARY in json.dumps(document)
        await town.people("sage200/change_product", product=town.skus[1], code="GONE", barcode="")
        await town.place(town.skus[1], address=SHOPPER)  # parks
        await town.place(address={**SHOPPER, "address1": f"{CANARY} " * 60})  # fits nowhere
        create = {"system": "sage200", "path": "/sop_orders", "method": "POST", "times": 1}
        kinds = ("commit_then_drop", "status_400_empty", "status_500_html")
        await town.sandbox.faults(*({**create, "kind": kind} for kind in kinds))
        for sku in town.skus[2:5]:
            await town.place(sku, address=SHOPPER)
        await town.heard(6)
        assert len(await town.cases()) >= 2
        problems = await refusals(town)
        texts = {
            "logs": logs.getvalue(),
            "metrics": await metrics(town),
            "problems": "".join(problem.text for problem in problems),
            "redis": await everything(redis_url),
            "cases": str(await town.pool.fetch("SELECT * FROM exception_case")),
            "attempts": str(await town.pool.fetch("SELECT * FROM attempt")),
            "audit": str(await town.pool.fetch("SELECT * FROM audit")),
        }
    assert {name: spoken(text) for name, text in texts.items() if spoken(text)} == {}
    assert "message.settled" in texts["logs"]
    assert "webhook.received" in texts["logs"]
    assert "sluice_messages_total" in texts["metrics"]
    assert {problem.status_code for problem in problems} >= {401, 404, 415, 422}


async def refusals(town) -> list[httpx.Response]:
    """Requests that carry the words and are refused."""
    headers = await town.headers()
    row = {"rows": [{"connection": CANARY, "nonsense": CANARY}], "reason": CANARY, "apply": True}
    return [
        await town.api.post("/webhooks/centra/uk", content=f"payload={CANARY}".encode()),
        await town.api.post(
            "/webhooks/centra/uk",
            content=f"payload={CANARY}".encode(),
            headers={"content-type": "application/x-www-form-urlencoded", "x-centra-signature": CANARY},
        ),
        await town.api.get("/api/v1/messages", headers={"authorization": f"Bearer {CANARY}"}),
        await town.api.get("/api/v1/messages/99999999", headers=headers),
        await town.api.get("/api/v1/messages", params={"state": CANARY}, headers=headers),
        await town.api.post(
            "/api/v1/mappings/customers/rows", json=row, headers={**headers, "if-match": '"0"'}
        ),
    ]


async def metrics(town) -> str:
    async with httpx.AsyncClient() as client:
        answers = [await client.get(f"http://127.0.0.1:{port}/metrics") for port in town.metrics_ports]
    return "".join(answer.text for answer in answers)


async def everything(redis_url: str) -> str:
    """All keys and values that Redis holds."""
    async with Redis.from_url(redis_url) as redis:
        found = []
        async for key in redis.scan_iter():
            kind = (await redis.type(key)).decode()
            reading = {"string": redis.get(key), "zset": redis.zrange(key, 0, -1)}
            found.append((key, await reading.pop(kind)))
            for other in reading.values():
                other.close()
    return str(found)


def test_the_canary_would_be_heard() -> None:
    assert spoken(json.dumps({**ADDRESS, **SHOPPER})) == list(WORDS)
