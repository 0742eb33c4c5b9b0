"""/docs works where nothing else can be reached."""

import re

from app.api.compose import compose
from app.api.describe import METHODS


async def test_the_page_names_every_operation(shop):
    page = (await shop.client.get("/docs")).text
    for path, methods in compose().openapi()["paths"].items():
        for method in METHODS & set(methods):
            assert f"<code>{method.upper()} {path}</code>" in page


async def test_the_page_loads_nothing_and_may_not(shop):
    answer = await shop.client.get("/docs")
    assert re.findall(r'(?:src|href)="([^"]*)"', answer.text) == ["openapi.json"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
