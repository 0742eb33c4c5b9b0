"""Every setting, from the environment, a secrets directory and sluice.toml: the first that names one wins.

The connectors' settings are fields built from the registry, so that a new connector changes nothing here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from app.complaints import CONFIG, PREFIX, sentence, speaks, spell, unknown
from app.flows.context import Pace
from app.registry import CONNECTORS, ERP_CONNECTION, ChannelConnector, Configured, Connector
from app.sources import Texts, UnreadableError, overlay, read_secrets, read_toml, secrets_in

SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
METRICS_PORTS = {"api": 9464, "worker": 9465, "exporter": 9466}

ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
PostgresUrl = Annotated[SecretStr, AfterValidator(speaks("postgresql", "postgres"))]
RedisUrl = Annotated[SecretStr, AfterValidator(speaks("redis", "rediss", "unix"))]


class SettingsError(Exception):
    """`problems`: one sentence each, with the setting's name and what to do; no values."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Settings(BaseSettings):
    """What every deployment shares. `load()` adds a field for each connector of the registry."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database_url: PostgresUrl = Field(min_length=1, description="Postgres, 15 or newer")
    redis_url: RedisUrl = Field(min_length=1, description="Redis or Valkey: the doorbell and nothing else")
    database_pool: Annotated[int, Field(ge=2)] = Field(10, description="connections of one process")
    http_host: str = Field("127.0.0.1", description="the API's public address")
    http_port: Port = Field(8080, description="the API's public port; 0 picks a free one")
    webhook_networks: tuple[IPvAnyNetwork, ...] = Field(
        (), description="networks that may deliver webhooks, besides a signature; none given: any"
    )
    console_zone: ZoneInfo = Field(
        ZoneInfo("Europe/London"),
        description="where the people at the console are; times are told there and in UTC",
    )
    metrics_host: str = Field("127.0.0.1", description="address of /metrics, /livez and /readyz")
    metrics_port: Port | None = Field(
        None, description="9464 API, 9465 worker, 9466 exporter unless given; 0 picks a free one"
    )
    run_dir: Path = Field(Path(".sluice"), description="where run.json tells the real ports")
    secrets_dir: Path | None = Field(
        None, description="a file a secret; the rotated ERP tokens are kept there too"
    )

    poll_seconds: Seconds = Field(60.0, description="between two polls of a channel")
    sweep_seconds: Seconds = Field(300.0, description="between two sweeps for what no notice told")
    align_hour: Annotated[int, Field(ge=0, le=23)] = Field(3, description="of the nightly look, London")
    look_seconds: Seconds = Field(
        1.0, description="between a worker's own looks at Postgres, without a doorbell"
    )
    snapshot_seconds: Seconds = Field(15.0, description="between two snapshots of the exporter")
    lease_seconds: Seconds = Field(90.0, description="how long a claim belongs to its worker")
    lane_patience_seconds: Seconds = Field(30.0, description="how long a failing head holds its sku: lanes")
    quarantine_seconds: Seconds = Field(
        300.0, description="absence in the ERP must last this long before a send is repeated"
    )
    probe_seconds: Seconds = Field(10.0, description="before the first probe of a send without an answer")
    probes: Annotated[int, Field(ge=1)] = Field(2, description="probes that must agree on absence")
    backoff_seconds: Seconds = Field(1.0, description="before the first retry; doubles")
    backoff_most_seconds: Seconds = Field(300.0, description="the longest wait between retries")
    attempts_most: Annotated[int, Field(ge=1)] = Field(200, description="attempts before a message parks")
    hours_most: Seconds = Field(24.0, description="hours of failing before a message parks")
    lock_seconds: Seconds = Field(5.0, description="before a locked record is asked for again; doubles")
    lock_most_seconds: Seconds = Field(60.0, description="the longest wait for it at first")
    lock_patience_seconds: Seconds = Field(900.0, description="of a lock, before a flag tells of it")
    lock_slow_seconds: Seconds = Field(300.0, description="between two looks after that")
    breaker_failures: Annotated[int, Field(ge=1)] = Field(
        5, description="failures in a row that open a breaker"
    )
    breaker_rest_seconds: Seconds = Field(10.0, description="how long an open breaker rests")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes it
        init_settings: PydanticBaseSettingsSource,
        *_others: Any,
        **_named: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` reads the sources, so that what it reads is an argument."""
        return (init_settings,)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if problems := [*self._shared_names(), *self._shared_prefixes(), *self._short_times()]:
            raise ValueError("; ".join(problems))
        return self

    def _shared_names(self) -> Iterator[str]:
        """Keys, lanes and mappings name a connection without its connector."""
        owners: dict[str, str] = {}
        for connector, connections in self.configured().items():
            for connection in connections:
                if owners.setdefault(connection, connector) != connector:
                    yield f"{PREFIX}{connector.upper()}__{connection} has the name of a connection of {owners[connection]}: choose another"

    def _shared_prefixes(self) -> Iterator[str]:
        owners: dict[str, str] = {}
        for connector, connections in self.configured().items():
            for connection, settings in connections.items():
                name = f"{PREFIX}{connector.upper()}__{connection}__PREFIX"
                prefix = str(getattr(settings, "prefix", "")).upper()
                if prefix and prefix in owners:
                    yield f"{name} is the same as {owners[prefix]}: each connection needs a prefix of its own"
                owners.setdefault(prefix, name)

    def _short_times(self) -> Iterator[str]:
        for connector, connections in self.configured().items():
            timeout = getattr(connections.get(ERP_CONNECTION), "timeout_seconds", 0)
            if self.lease_seconds <= timeout:
                yield (
                    f"{PREFIX}LEASE_SECONDS must be longer than {PREFIX}{connector.upper()}__TIMEOUT_SECONDS: "
                    "a lease that ends before an answer can come lets nothing be sent"
                )
            if self.quarantine_seconds < timeout:
                yield (
                    f"{PREFIX}QUARANTINE_SECONDS is shorter than {PREFIX}{connector.upper()}__TIMEOUT_SECONDS: "
                    "a send could still be on its way when it is repeated"
                )

    def configured(self) -> Configured:
        """Connector -> connection -> its settings, as app.registry opens them."""
        found: dict[str, Mapping[str, BaseModel]] = {}
        for name in set(type(self).model_fields) - set(Settings.model_fields):
            value = getattr(self, name)
            found[name] = {ERP_CONNECTION: value} if isinstance(value, BaseModel) else value or {}
        return dict(sorted(found.items()))

    def pace(self) -> Pace:
        return Pace(
            lease=self.lease_seconds,
            patience=self.lane_patience_seconds,
            quarantine=self.quarantine_seconds,
            probe=self.probe_seconds,
            probes=self.probes,
            poll=self.poll_seconds,
            sweep=self.sweep_seconds,
            backoff=self.backoff_seconds,
            backoff_most=self.backoff_most_seconds,
            attempts_most=self.attempts_most,
            hours_most=self.hours_most,
            lock_first=self.lock_seconds,
            lock_most=self.lock_most_seconds,
            lock_patience=self.lock_patience_seconds,
            lock_slow=self.lock_slow_seconds,
            breaker_failures=self.breaker_failures,
            breaker_rest=self.breaker_rest_seconds,
            look=self.look_seconds,
            align_hour=self.align_hour,
        )

    def metrics_port_of(self, role: str) -> int:
        return METRICS_PORTS[role] if self.metrics_port is None else self.metrics_port

    def secrets(self) -> tuple[SecretStr, ...]:
        """All that a log must never show."""
        return tuple(secrets_in(self.model_dump()))

    def describe(self) -> tuple[str, ...]:
        """The names of all settings that were given a value; never a value."""
        return tuple(sorted(_given(self, ())))


def _given(model: BaseModel, path: tuple[str, ...]) -> Iterator[str]:
    for name in model.model_fields_set:
        value = getattr(model, name)
        nested = value if isinstance(value, dict) else {"": value}
        for key, item in nested.items():
            where = (*path, name, key) if key else (*path, name)
            if isinstance(item, BaseModel):
                yield from _given(item, where)
            else:
                yield spell(where)


def model(connectors: Sequence[Connector] = CONNECTORS) -> type[Settings]:
    """Settings with a field for each connector."""
    fields: dict[str, Any] = {}
    for connector in connectors:
        if isinstance(connector, ChannelConnector):
            fields[connector.name] = (
                GenericAlias(dict, (ConnectionName, connector.settings)),
                Field(default_factory=dict),
            )
        else:
            fields[connector.name] = (connector.settings | None, None)
    return create_model("Settings", __base__=Settings, **fields)


def load(environ: Mapping[str, str] = os.environ, connectors: Sequence[Connector] = CONNECTORS) -> Settings:
    """Raises SettingsError with everything that is wrong at once."""
    built = model(connectors)
    try:
        file = _config(environ)
        folder = environ.get(SECRETS_DIR) or file.get("secrets_dir")
        secrets = read_secrets(Path(folder), PREFIX) if folder else {}
        given = overlay(file, Texts(built, secrets)(), Texts(built, environ)())
    except UnreadableError as error:
        raise SettingsError([str(error)]) from error
    except SourceError as error:
        raise SettingsError([f"{error}: {error.__cause__}; write a list as JSON or with commas"]) from error
    problems = list(unknown(built, [*secrets, *environ]))
    try:
        loaded = built(**given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise SettingsError([*problems, *(sentence(built, detail) for detail in found)]) from error
    if problems:
        raise SettingsError(problems)
    return loaded


def _config(environ: Mapping[str, str]) -> dict[str, Any]:
    if given := environ.get(CONFIG):
        return read_toml(Path(given))
    usual = Path("sluice.toml")
    return read_toml(usual) if usual.is_file() else {}
