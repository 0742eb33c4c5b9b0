"""Starts a role in this process: logs, ports, signals."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import uvloop

from app.embedded.folder import free_port, publish
from app.settings import Settings, load
from app.telemetry.logs import configure_logging

RUN_FILE = "run.json"
Serve = Callable[[Settings], Awaitable[None]]


def start(role: str, serve: Serve) -> None:
    """Returns when the role was told to stop (SIGTERM); its real ports are in run.json for as long as it runs."""
    settings = choose_ports(load(), role)
    configure_logging(role, sys.stderr, secrets=settings.secrets())
    structlog.get_logger().info("settings.given", settings=list(settings.describe()))
    run_file = settings.run_dir / RUN_FILE
    publish(run_file, {role: facts(settings, role)})
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(serve, settings))
    finally:
        publish(run_file, {role: None})


def choose_ports(settings: Settings, role: str) -> Settings:
    """Free ports where 0 asks for one, chosen here so that they can be told to others."""
    metrics = settings.metrics_port_of(role) or free_port(settings.metrics_host)
    chosen = {"metrics_port": metrics}
    if role == "api":
        chosen["http_port"] = settings.http_port or free_port(settings.http_host)
    return settings.model_copy(update=chosen)


def facts(settings: Settings, role: str) -> dict[str, Any]:
    known: dict[str, Any] = {
        "pid": os.getpid(),
        "metrics": f"http://{settings.metrics_host}:{settings.metrics_port}",
    }
    if role == "api":
        known["url"] = f"http://{settings.http_host}:{settings.http_port}"
    return known


async def _until_told(serve: Serve, settings: Settings) -> None:
    """SIGTERM ends it in order, and that is no failure; a role that listens for itself goes first."""
    told = asyncio.Event()
    task = asyncio.ensure_future(serve(settings))

    def stop() -> None:
        told.set()
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not told.is_set():
            raise
