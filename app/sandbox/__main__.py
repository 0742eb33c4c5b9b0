import argparse
import asyncio
from pathlib import Path

from app.sandbox.server import serve


def run() -> None:
    parser = argparse.ArgumentParser(prog="python -m app.sandbox", description="Plays Sage 200 and Centra.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--data", type=Path, default=Path(".sluice/sandbox"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    asyncio.run(serve(args.host, args.port, args.data, args.seed))


if __name__ == "__main__":
    run()
