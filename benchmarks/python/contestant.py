"""Runs one contestant at one work, and prints one line of JSON, as the benchmarks' other programs do."""

import argparse
import asyncio
import json
import os
import sys

from runner import run
from store import Store
from work import WORKS


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contestant", required=True, choices=["sqlalchemy"], help="who is to do the work")
    parser.add_argument(
        "--url",
        default=os.environ.get("BENCH_URL"),
        help="sqlite:////ABSOLUTE/PATH or postgresql://USER:PASSWORD@HOST/DATABASE, migrated by botstore; "
        "else what BENCH_URL says, which other users of the machine cannot see",
    )
    parser.add_argument("--work", required=True, choices=WORKS, help="what is done")
    parser.add_argument("--callers", type=int, default=1, help="how many do it at once")
    parser.add_argument("--seconds", type=float, default=1.0, help="for how long")
    parser.add_argument(
        "--warm-up", type=float, default=0.2, help="for how long before, without being counted"
    )
    parser.add_argument("--users", type=int, default=1000, help="how many users there are")
    parser.add_argument(
        "--seed", type=int, default=1, help="what random choices and newcomers' names follow from"
    )
    arguments = parser.parse_args()
    if arguments.url is None:
        parser.error("--url or BENCH_URL is required")
    if arguments.callers < 1 or arguments.users < 1:
        parser.error("there is at least one caller and one user")
    return arguments


async def main():
    arguments = read_arguments()
    store = Store(arguments.url)
    try:
        measured, first_error = await run(store, arguments)
        durability = await store.durability()
    finally:
        await store.close()
    if first_error is not None:
        print(f"{arguments.contestant}: {first_error}", file=sys.stderr)
    report = {
        "contestant": arguments.contestant,
        "backend": store.backend,
        "work": arguments.work,
        "callers": arguments.callers,
        **measured,
        "durability": durability,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
