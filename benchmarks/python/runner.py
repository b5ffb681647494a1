"""The closed loop: each caller does its next operation as soon as its last is answered."""

import asyncio
import math
import time
from dataclasses import dataclass, field

from work import READS, Caller, Clock


@dataclass
class Tally:
    """What one caller came to."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    first_error: Exception | None = None
    end: float = 0.0


async def work(caller, start, seconds):
    """Does one operation after the other until so many seconds after the start."""
    tally = Tally()
    now = time.perf_counter()
    while now < start + seconds:
        operation = caller.next()
        begun = time.perf_counter()
        try:
            await operation
        except Exception as error:
            tally.errors += 1
            tally.first_error = tally.first_error or error
            now = time.perf_counter()
        else:
            now = time.perf_counter()
            tally.latencies.append(now - begun)
    tally.end = now
    return tally


async def one(caller, arguments, together, start):
    await work(caller, time.perf_counter(), arguments.warm_up)
    await together.wait()
    if not start.done():
        start.set_result(time.perf_counter())
    return await work(caller, start.result(), arguments.seconds)


async def run(store, arguments):
    """Lets all callers warm up and then measures them. An operation that fails ends nothing.

    Returns what is reported, and the first error if there was one.
    """
    if arguments.work in READS and not await store.top(1):
        raise SystemExit("the database is empty: run the work `chat` on it first")
    together = asyncio.Barrier(arguments.callers)
    start = asyncio.get_running_loop().create_future()
    clock = Clock()
    callers = [Caller(store, arguments, number, clock) for number in range(arguments.callers)]
    tallies = await asyncio.gather(*(one(caller, arguments, together, start) for caller in callers))
    latencies = sorted(latency for tally in tallies for latency in tally.latencies)
    operations = [len(tally.latencies) for tally in tallies]
    first_error = next((tally.first_error for tally in tallies if tally.first_error), None)
    return {
        "seconds": max(tally.end for tally in tallies) - start.result(),
        "operations": len(latencies),
        "errors": sum(tally.errors for tally in tallies),
        "p50_us": microseconds(latencies, 0.50),
        "p99_us": microseconds(latencies, 0.99),
        "fewest": min(operations),
        "most": max(operations),
    }, first_error


def microseconds(latencies, quantile):
    """The time that such a share of the sorted latencies does not exceed."""
    if not latencies:
        return 0.0
    return latencies[max(math.ceil(quantile * len(latencies)) - 1, 0)] * 1e6
