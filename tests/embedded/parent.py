"""Starts servers and one stubborn child in the folder given, says so in JSON, and waits to be killed."""

import asyncio
import json
import sys
from pathlib import Path

from app.embedded.servers import Wish, open_servers
from app.embedded.supervise import Child, Process, until_ready

STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
)


async def main(home: Path) -> None:
    async with open_servers(Wish(home)) as servers:
        dummy = Process(Child("dummy", [sys.executable, "-c", STUBBORN], home / "dummy.log", grace=1))

        async def answers() -> bool:
            return "up" in dummy.tail()

        await until_ready(dummy, answers, seconds=20)
        said = {"database_url": servers.database_url, "redis_url": servers.redis_url}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
