"""The gateway that one writes first: FastAPI, the signature, one INSERT and one commit for each request."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import asyncpg
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from app.cli.start import start
from app.connectors.centra.settings import CentraSettings
from app.connectors.centra.webhook import Hook, verify
from app.db.session import open_pool
from app.domain.errors import ForgedError
from app.main import Server, asks, configuration, listen
from app.settings import Settings
from app.telemetry.probes import serve_probes

CONNECTIONS = 16
TABLE = """
CREATE TABLE IF NOT EXISTS inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source text NOT NULL, raw bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
)
"""
ROW = "INSERT INTO inbox (source, raw) VALUES ($1, $2) RETURNING id"


def hooks_of(connections: Mapping[str, BaseModel]) -> dict[str, Hook]:
    return {
        name: Hook(name, tuple(secret.get_secret_value().encode() for secret in one.webhook_secrets))
        for name, one in connections.items()
        if isinstance(one, CentraSettings)
    }


def compose(pool: asyncpg.Pool, hooks: Mapping[str, Hook]) -> FastAPI:
    api = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @api.post("/webhooks/centra/{connection}")
    async def accept(connection: str, request: Request) -> JSONResponse:
        raw = await request.body()
        try:
            verify(raw, request.headers.get("x-centra-signature"), datetime.now(UTC), hooks[connection])
        except ForgedError:
            return JSONResponse({}, 401)
        number = await pool.fetchval(ROW, connection, raw)
        return JSONResponse({"id": number}, 202)

    return api


async def serve(settings: Settings) -> None:
    url = settings.database_url.get_secret_value()
    async with open_pool(url, size=CONNECTIONS, application="bench-insert") as pool:
        await pool.execute(TABLE)
        api = compose(pool, hooks_of(settings.configured()["centra"]))
        listener = listen(settings.http_host, settings.http_port)
        port = settings.metrics_port_of("api")
        async with serve_probes(CollectorRegistry(), partial(asks, pool), settings.metrics_host, port):
            await Server(configuration(api), asyncio.Event()).serve(sockets=[listener])


if __name__ == "__main__":
    start("api", serve)
