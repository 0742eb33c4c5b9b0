"""Who speaks: every connector, named once. Nothing else imports a connector."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from app.connectors.centra.connector import open_channel as open_centra
from app.connectors.centra.settings import CentraSettings
from app.connectors.sage200.connector import open_erp as open_sage200
from app.connectors.sage200.settings import Sage200Settings
from app.connectors.virtualstock.connector import open_channel as open_virtualstock
from app.connectors.virtualstock.settings import VirtualstockSettings
from app.domain.channel import Channel
from app.domain.erp import Erp
from app.domain.tokens import TokenStore

Clock = Callable[[], datetime]
Configured = Mapping[str, Mapping[str, BaseModel]]
"""Connector -> connection -> its settings; an ERP's one connection is called `main`."""

ERP_CONNECTION = "main"


@dataclass(frozen=True, slots=True)
class ChannelConnector:
    """`settings` is the model of one connection, owned by the connector's folder; `open` takes an instance of it."""

    name: str
    settings: type[BaseModel]
    open: Callable[[str, Any, Clock], AbstractAsyncContextManager[Channel]]


@dataclass(frozen=True, slots=True)
class ErpConnector:
    name: str
    settings: type[BaseModel]
    open: Callable[[str, Any, TokenStore, Clock], AbstractAsyncContextManager[Erp]]


Connector = ChannelConnector | ErpConnector

CONNECTORS: tuple[Connector, ...] = (
    ChannelConnector("centra", CentraSettings, open_centra),
    ChannelConnector("virtualstock", VirtualstockSettings, open_virtualstock),
    ErpConnector("sage200", Sage200Settings, open_sage200),
)


class NotConfiguredError(Exception):
    """`connector` has no settings, and this process cannot do without."""

    def __init__(self, connector: str) -> None:
        super().__init__(f"SLUICE_{connector.upper()}__… is not configured: this process needs the ERP")
        self.connector = connector


@asynccontextmanager
async def open_channels(
    configured: Configured, now: Clock, connectors: Sequence[Connector] = CONNECTORS
) -> AsyncIterator[Mapping[str, Channel]]:
    """Every configured channel, by destination (`centra:uk`)."""
    async with AsyncExitStack() as stack:
        channels: dict[str, Channel] = {}
        for connector in connectors:
            if isinstance(connector, ErpConnector):
                continue
            for connection, settings in configured.get(connector.name, {}).items():
                channel = await stack.enter_async_context(connector.open(connection, settings, now))
                channels[channel.destination] = channel
        yield channels


@asynccontextmanager
async def open_erp(
    configured: Configured, tokens: TokenStore, now: Clock, connectors: Sequence[Connector] = CONNECTORS
) -> AsyncIterator[Erp]:
    """Raises NotConfiguredError where the ERP has no settings."""
    erp = _erp(connectors)
    settings = configured.get(erp.name, {}).get(ERP_CONNECTION)
    if settings is None:
        raise NotConfiguredError(erp.name)
    async with erp.open(ERP_CONNECTION, settings, tokens, now) as opened:
        yield opened


def erp_destination(connectors: Sequence[Connector] = CONNECTORS) -> str:
    """`sage200:main`: the name of its tokens, its budget and its breaker."""
    return f"{_erp(connectors).name}:{ERP_CONNECTION}"


def _erp(connectors: Sequence[Connector]) -> ErpConnector:
    return next(connector for connector in connectors if isinstance(connector, ErpConnector))
