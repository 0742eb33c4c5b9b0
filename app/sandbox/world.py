"""What every simulated vendor is given."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.sandbox.clock import Clock
from app.sandbox.faults import Faults
from app.sandbox.mirror import Doc
from app.sandbox.store import Change, Store

SWITCHES = "sandbox.switch"
Seeder = Callable[[Change, Doc], Doc]
Fits = Callable[[Any], bool]


class Switches:
    """Named settings of the vendors; each fact that their documents leave open is one (`sage200.tax_level`).

    Vendors declare defaults when mounted; a set value outlives a restart.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._defaults: dict[str, Any] = {}
        self._fits: dict[str, Fits] = {}
        self._set: dict[str, Any] = {doc["name"]: doc["value"] for doc in store.read().all(SWITCHES)}

    def declare(self, defaults: Mapping[str, Any], fits: Mapping[str, Fits] | None = None) -> None:
        """`fits`: what a value must be, where it is not enough that it is of the default's kind."""
        self._defaults.update(defaults)
        self._fits.update({name: resembles(default) for name, default in defaults.items()} | dict(fits or {}))

    def __getitem__(self, name: str) -> Any:
        return self._set.get(name, self._defaults[name])

    def set(self, name: str, value: Any) -> None:
        """Raises KeyError for a name that no vendor declared, ValueError for a value that would mean nothing."""
        self.check(name, value)
        self._store.save(SWITCHES, name, {"name": name, "value": value})
        self._set[name] = value

    def check(self, name: str, value: Any) -> None:
        if name not in self._defaults:
            raise KeyError(name)
        if not self._fits[name](value):
            raise ValueError(f"{name} cannot be {value!r}")

    def reset(self) -> None:
        self._store.forget(SWITCHES)
        self._set.clear()

    def everything(self) -> dict[str, Any]:
        return {**self._defaults, **{name: self._set[name] for name in self._set if name in self._defaults}}


def resembles(default: Any) -> Fits:
    """Of the same kind; numbers are never negative."""
    if isinstance(default, bool):
        return lambda value: isinstance(value, bool)
    if isinstance(default, (int, float)):
        return is_amount
    return lambda value: isinstance(value, type(default))


def is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def one_of(*values: Any) -> Fits:
    return lambda value: any(value == one and type(value) is type(one) for one in values)


class Tasks:
    """Work that outlives the request that asked for it; cancelled when the sandbox stops."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_guard(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def settle(self) -> None:
        """Waits until nothing is running, also what running work started."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await self.settle()


async def _guard(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception:
        logging.getLogger(__name__).exception("background work of the sandbox failed")


@dataclass
class World:
    """`seeders`: vendor -> loader of its part of `/_sandbox/seed`; it answers with what a caller may want to know."""

    store: Store
    clock: Clock
    faults: Faults
    switches: Switches
    rng: random.Random
    tasks: Tasks = field(default_factory=Tasks)
    seeders: dict[str, Seeder] = field(default_factory=dict)
