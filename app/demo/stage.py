"""What the day is played on: ports, connections, times, and Sluice's whole environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import asyncpg
import httpx

from app.demo import retail
from app.demo.crew import Crew
from app.demo.faults import Profile
from app.demo.gateway import Gateway
from app.demo.vendors import Vendors

Doc = dict[str, Any]
HOST = "127.0.0.1"
TOKEN = "sandbox-token-of-the-scripted-day"  # noqa: S105 - a made-up vendor's


@dataclass(frozen=True, slots=True)
class Connection:
    """`store`: of the brand; `space`: how this store's webhooks write a space; `ships`: from a warehouse of its own."""

    name: str
    store: int
    prefix: str
    space: str
    secret: str
    ships: bool = False


CONNECTIONS = (
    Connection("uk", 1, "CEN", "+", "webhook-secret-uk"),
    Connection("eu", 2, "CEU", "%20", "webhook-secret-eu", ships=True),
)
PREFIXES = MappingProxyType({one.store: one.prefix for one in CONNECTIONS})


@dataclass(frozen=True, slots=True)
class Ports:
    sandbox: int
    api: int
    metrics: Mapping[str, int]

    def url(self, port: int) -> str:
        return f"http://{HOST}:{port}"


@dataclass(frozen=True, slots=True)
class Stage:
    """All that the day is played with. `seeded`: what the sandbox answered; `preflight`: what Sluice complained of."""

    vendors: Vendors
    gateway: Gateway
    pool: asyncpg.Pool
    http: httpx.AsyncClient
    crew: Crew
    ports: Ports
    seeded: Doc
    preflight: str


def pace(profile: Profile) -> dict[str, float]:
    """Scaled-down times in seconds; a real system's are minutes. Calm vendors get all the time they may want."""
    calm = profile.calm
    return {
        "POLL": 1.0,
        "SWEEP": 3.0,
        "LOOK": 0.2,
        "SNAPSHOT": 1.0,
        "LEASE": 30.0 if calm else 10.0,
        "LANE_PATIENCE": 30.0 if calm else 3.0,
        "QUARANTINE": 25.0 if calm else 8.0,
        "PROBE": 0.5,
        "BACKOFF": 0.2,
        "BREAKER_REST": 1.0,
    }


def timeout(profile: Profile) -> float:
    """Of one request to Sage. Above the 4 s after which the sandbox's server commits nothing any more."""
    return 20.0 if profile.calm else 6.0


def settings(profile: Profile, urls: Mapping[str, str], ports: Ports, sage: Doc) -> dict[str, str]:
    """Sluice's environment."""
    env: dict[str, object] = {
        "DATABASE_URL": urls["database"],
        "REDIS_URL": urls["redis"],
        "HTTP_PORT": ports.api,
        "SAGE200__BASE_URL": f"{ports.url(ports.sandbox)}/sage200/uk/sage200extra/accounts/v1",
        "SAGE200__TOKEN_URL": f"{ports.url(ports.sandbox)}/sage200/oauth/token",
        "SAGE200__CLIENT_ID": sage["client_id"],
        "SAGE200__CLIENT_SECRET": sage["client_secret"],
        "SAGE200__REFRESH_TOKEN": sage["refresh_token"],
        "SAGE200__SITE": sage["site_id"],
        "SAGE200__COMPANY": sage["company_id"],
        "SAGE200__TIMEOUT_SECONDS": timeout(profile),
        **{f"{name}_SECONDS": seconds for name, seconds in pace(profile).items()},
    }
    for one in CONNECTIONS:
        given = {
            "BASE_URL": f"{ports.url(ports.sandbox)}/centra/graphql",
            "TOKEN": TOKEN,
            "WEBHOOK_SECRETS": json.dumps([one.secret]),
            "PREFIX": one.prefix,
            "STORE": one.store,
            "DISPATCH_ORIGIN": "channel" if one.ships else "erp",
            "REQUESTS_PER_SECOND": 20,
        }
        env |= {f"CENTRA__{one.name}__{name}": value for name, value in given.items()}
    env |= retail.settings(ports.url(ports.sandbox))
    return {f"SLUICE_{name}": str(value) for name, value in env.items()}
