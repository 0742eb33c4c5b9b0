from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.domain.channel import Channel
from app.domain.erp import Erp
from app.registry import (
    CONNECTORS,
    ChannelConnector,
    ErpConnector,
    NotConfiguredError,
    erp_destination,
    open_channels,
    open_erp,
)

FOLDERS = Path(__file__).parents[1] / "app" / "connectors"


class Note(BaseModel):
    text: str = ""


class Fakes:
    """Two channel connectors and an ERP that note what happens to them."""

    def __init__(self) -> None:
        self.events = []
        self.all = (
            ChannelConnector("shop", Note, self.opener("shop")),
            ErpConnector("books", Note, self.open_books),
            ChannelConnector("mall", Note, self.opener("mall")),
        )

    def opener(self, name):
        @asynccontextmanager
        async def open_(connection, settings, now):
            if settings.text == "broken":
                raise OSError("no network")
            self.events.append(f"open {connection}")
            try:
                yield Channel(name, connection)
            finally:
                self.events.append(f"close {connection}")

        return open_

    @asynccontextmanager
    async def open_books(self, connection, settings, tokens, now):
        yield Erp("books", connection, tokens, now, settings, None)


@pytest.fixture
def fakes():
    return Fakes()


def now():
    raise AssertionError


async def test_channels_are_opened_by_destination_and_closed_again(fakes):
    configured = {"shop": {"uk": Note(), "us": Note()}, "mall": {"de": Note()}}
    async with open_channels(configured, now, fakes.all) as channels:
        assert sorted(channels) == ["mall:de", "shop:uk", "shop:us"]
    assert sorted(fakes.events[3:]) == ["close de", "close uk", "close us"]


async def test_channel_that_does_not_open_closes_the_others(fakes):
    configured = {"shop": {"uk": Note(), "us": Note(text="broken")}}
    with pytest.raises(OSError, match="no network"):
        async with open_channels(configured, now, fakes.all):
            raise AssertionError
    assert fakes.events == ["open uk", "close uk"]


async def test_erp_is_given_the_tokens(fakes):
    async with open_erp({"books": {"main": Note(text="x")}}, "tokens", now, fakes.all) as erp:
        assert (erp.destination, erp.facts) == ("books:main", "tokens")
    assert erp_destination(fakes.all) == "books:main"


async def test_erp_without_settings_is_named(fakes):
    with pytest.raises(NotConfiguredError, match="SLUICE_BOOKS__"):
        async with open_erp({}, "tokens", now, fakes.all):
            raise AssertionError


def test_registry_names_every_connector_folder_and_no_other():
    folders = {path.name for path in FOLDERS.iterdir() if (path / "__init__.py").exists()}
    assert sorted(connector.name for connector in CONNECTORS) == sorted(folders)


def test_there_is_one_erp():
    assert sum(isinstance(connector, ErpConnector) for connector in CONNECTORS) == 1


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.name)
def test_connector_refuses_settings_that_it_does_not_know(connector):
    assert connector.settings.model_config.get("extra") == "forbid"
    assert connector.settings.__module__ == f"app.connectors.{connector.name}.settings"


def test_every_channel_has_a_prefix_for_its_keys():
    channels = [connector for connector in CONNECTORS if isinstance(connector, ChannelConnector)]
    assert all("prefix" in connector.settings.model_fields for connector in channels)
