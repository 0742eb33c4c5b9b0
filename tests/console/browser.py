"""A real Chromium: the system's, else Playwright's own, fetched where it can be."""

import asyncio
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Playwright, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FETCH_SECONDS = 90


def installed(engine: Playwright) -> str | None:
    own = engine.chromium.executable_path
    return next(
        (found for name in NAMES if (found := shutil.which(name))), own if Path(own).exists() else None
    )


async def executable(engine: Playwright) -> str | None:
    """None: Playwright knows where its own is. Skips the test by name only where none is there and none can be fetched."""
    path = installed(engine)
    if path is None:
        command = (sys.executable, "-m", "playwright", "install", "chromium", "--only-shell")
        fetch = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                await fetch.wait()
        except TimeoutError:
            fetch.kill()
            await fetch.wait()
        if fetch.returncode != 0:
            pytest.skip("no Chromium is installed, and none can be fetched")
    return path


@asynccontextmanager
async def surfing(**more):
    """A page whose complaints, those of its policy above all, are kept in `page.complaints`."""
    async with async_playwright() as engine:
        path = await executable(engine)
        browser = await engine.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            context = await browser.new_context(**more)
            context.set_default_timeout(20_000)
            page = await context.new_page()
            page.complaints = []
            page.on("console", lambda one: page.complaints.append(one.text) if one.type == "error" else None)
            page.on("pageerror", lambda error: page.complaints.append(str(error)))
            yield page
        finally:
            await browser.close()


async def faults(page: Page) -> list[str]:
    """What axe finds wrong, by WCAG 2.2 AA and its own best practices."""
    found = (await Axe().run(page)).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]
