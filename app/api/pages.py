"""/docs: the operations as one plain page. It loads nothing from anywhere, so that it works in a closed network."""

import hashlib
from base64 import b64encode
from html import escape
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.api.describe import METHODS

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "dt{margin-top:1rem}dd{margin-left:2rem}code{background:#eee;color:#222;padding:0 .3em}"
)
POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; frame-ancestors 'none'"
Json = dict[str, Any]


async def docs(request: Request) -> HTMLResponse:
    """Every operation, with what it takes and how it answers; the whole contract is a link away."""
    contract = request.app.openapi()
    sections = "".join(_section(contract, tag) for tag in contract["tags"])
    title = f"{escape(contract['info']['title'])} {escape(contract['info']['version'])}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>{escape(contract['info']['summary'])} The whole contract, with every "
        f'shape: <a href="openapi.json">openapi.json</a> (OpenAPI {escape(contract["openapi"])}).</p>{sections}'
        "</body></html>"
    )
    return HTMLResponse(page, headers={"content-security-policy": POLICY})


def _section(contract: Json, tag: Json) -> str:
    entries = [
        _entry(f"{method.upper()} {path}", operation)
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
        if method in METHODS and tag["name"] in operation["tags"]
    ]
    told = f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>"
    return f"<section>{told}<dl>{''.join(entries)}</dl></section>"


def _entry(name: str, operation: Json) -> str:
    given = [f"{one['name']} ({one['in']})" for one in operation.get("parameters", ())]
    given += (
        ["a body: " + ", ".join(operation["requestBody"]["content"])] if "requestBody" in operation else []
    )
    takes = f"Takes {', '.join(given)}. " if given else ""
    told = operation.get("description") or operation.get("summary", "")
    answers = ", ".join(sorted(operation["responses"]))
    return f"<dt><code>{escape(name)}</code></dt><dd>{escape(told)}<br>{escape(f'{takes}Answers {answers}.')}</dd>"
