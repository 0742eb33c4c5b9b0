"""Hosts of their own on this machine: network namespaces on a bridge, which can be cut off as by a pulled cable: nobody is
told, nothing is reset, what was sent simply has no answer.
"""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

BLOCK = 65_536
ROOT_HOST = 1
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class NotAllowedError(Exception):
    """No hosts can be made on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """`space`: its network namespace. `cable`: this side's end of its link."""

    space: str
    cable: str
    address: str

    def run(self, *argv: str) -> list[str]:
        """The command line that runs it there."""
        return ["ip", "netns", "exec", self.space, *argv]


@dataclass(frozen=True, slots=True)
class Lan:
    """`address`: ours, for what all hosts share. `network`: with its length."""

    address: str
    network: str
    hosts: Mapping[str, Host]

    async def cut(self, name: str) -> None:
        await ip("link", "set", self.hosts[name].cable, "down")

    async def heal(self, name: str) -> None:
        await ip("link", "set", self.hosts[name].cable, "up")

    async def lose(self, name: str, address: str) -> None:
        """Only one address is out of this host's reach from now on."""
        await ip("-n", self.hosts[name].space, "route", "add", "blackhole", address)

    async def find(self, name: str, address: str) -> None:
        await ip("-n", self.hosts[name].space, "route", "del", "blackhole", address)


async def ip(*words: str) -> None:
    """Raises NotAllowedError with what it complains of."""
    if shutil.which("ip") is None:
        raise NotAllowedError("there is no `ip` (iproute2)")
    done = await asyncio.create_subprocess_exec(
        *("ip", *words), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await done.communicate()
    if done.returncode:
        raise NotAllowedError(f"ip {' '.join(words)}: {said.decode(errors='replace').strip()}")


@asynccontextmanager
async def open_lan(names: Sequence[str], chance: random.Random) -> AsyncIterator[Lan]:
    """Nothing of it is left afterwards; whatever runs on its hosts must have ended. Raises NotAllowedError. `chance`
    picks names and addresses that nobody else has.
    """
    tag = f"{chance.randrange(BLOCK):04x}"
    base = int(IPv4Address("10.200.0.0")) + chance.randrange(BLOCK // 256) * 256
    ours, bridge = str(IPv4Address(base + ROOT_HOST)), f"slb{tag}"
    async with AsyncExitStack() as stack:
        await ip("link", "add", bridge, "type", "bridge")
        stack.push_async_callback(_remove, "link", "del", bridge)
        await ip("addr", "add", f"{ours}/24", "dev", bridge)
        await ip("link", "set", bridge, "up")
        hosts = {
            name: Host(f"sluice-{tag}-{place}", f"slv{tag}{place}", str(IPv4Address(base + 10 + place)))
            for place, name in enumerate(names)
        }
        for host in hosts.values():
            await _settle(stack, host, bridge)
        yield Lan(ours, f"{IPv4Address(base)}/24", hosts)


async def _settle(stack: AsyncExitStack, host: Host, bridge: str) -> None:
    await ip("netns", "add", host.space)
    stack.push_async_callback(_remove, "netns", "del", host.space)
    await ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.space)
    stack.push_async_callback(_remove, "link", "del", host.cable)
    await ip("link", "set", host.cable, "master", bridge)
    await ip("link", "set", host.cable, "up")
    await ip("-n", host.space, "addr", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        await ip("-n", host.space, "link", "set", device, "up")


async def _remove(*words: str) -> None:
    with suppress(NotAllowedError):
        await ip(*words)


@asynccontextmanager
async def serve(address: str, answer: Answer) -> AsyncIterator[int]:
    """The port of a server, whose connections are dropped at the end, also those to hosts that are cut off."""
    ends: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends[asyncio.current_task()] = writer
        with suppress(OSError):
            await answer(reader, writer)
        writer.close()

    async with await asyncio.start_server(meet, address, 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            for writer in ends.values():
                writer.transport.abort()
            await asyncio.gather(*(task for task in ends if task), return_exceptions=True)


@asynccontextmanager
async def relay(address: str, port: int) -> AsyncIterator[int]:
    """A port at our address on the LAN that leads to one of the loopback."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pour(reader, forth), _pour(back, writer))

    async with serve(address, carry) as there:
        yield there


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
