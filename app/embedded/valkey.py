"""A Valkey of our own: a doorbell that keeps nothing."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from app.embedded.folder import free_port
from app.embedded.reach import place_data, place_programs, server_account
from app.embedded.sources import find_valkey, server_program
from app.embedded.supervise import Account, Child, Process, Server, start_patiently, until_ready


@dataclass(frozen=True, slots=True)
class Valkey:
    """`port` 0 is a free one. `hold`: see Child."""

    home: Path
    port: int = 0
    hold: int | None = None


async def start_valkey(wish: Valkey) -> Server:
    """Answers when a real command does. The folder must be owned (`own`)."""
    account = server_account(os.geteuid())
    program = server_program(place_programs(find_valkey(), account))
    data = place_data(wish.home / "valkey", account)

    async def start() -> Server:
        return await _start(wish, program, data, account)

    return await start_patiently(start)


async def _start(wish: Valkey, program: Path, data: Path, account: Account | None) -> Server:
    port = wish.port or free_port()
    keeps_nothing = ("--save", "", "--appendonly", "no", "--databases", "64")
    process = Process(
        Child(
            name="valkey",
            argv=[program, "--port", str(port), "--bind", "127.0.0.1", "--dir", data, *keeps_nothing],
            log=wish.home / "valkey.log",
            account=account,
            polite=signal.SIGTERM,
            hold=wish.hold,
        )
    )

    async def answers() -> bool:
        return str(data).encode() in await _data_folder(port)

    try:
        await until_ready(process, answers, seconds=20)
    except BaseException:
        process.stop()
        raise
    return Server(process, f"redis://127.0.0.1:{port}/0", port)


async def _data_folder(port: int) -> bytes:
    """What the server at this port says of its folder, so that nobody else's is taken for ours; b"" if it is silent."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"CONFIG GET dir\r\n")
                return await reader.read(4096)
            finally:
                writer.close()
                await writer.wait_closed()
    return b""
