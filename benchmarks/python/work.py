"""What callers do: the same in distribution as in the benchmarks' other programs (harness/src/work.rs)."""

import random

WORKS = ("chat", "join", "top", "recent", "stats", "queue", "day")
READS = ("top", "recent", "stats")

# The first moment of every run, in Unix seconds.
START = 1_700_000_000
# After so many looks at the clock, on average, it goes a second on.
LOOKS_PER_SECOND = 1_000
TOP = 10
RECENT = 50
TEXT = (
    "so where were we when the stream went down and everybody asked whether the next film was the one "
    "with the lighthouse or the other one that nobody finished because the subtitles came from another cut"
)

# A bot's day, in percent.
DAY = {"chat": 75, "enter": 9, "leave": 9, "count": 3, "stats": 2, "top": 1, "recent": 1}


class Clock:
    """The time that all callers of a run have in common."""

    def __init__(self):
        self.now = START


class Caller:
    """One caller's endless sequence of operations."""

    def __init__(self, store, arguments, number, clock):
        self.store = store
        self.work = arguments.work
        self.users = arguments.users
        self.newcomers = f"new{arguments.seed}_{number}_"
        self.joined = 0
        self.clock = clock
        self.random = random.Random(f"{arguments.seed} {number}")

    def next(self):
        """What the caller does next, as a coroutine."""
        if self.work == "day":
            (name,) = self.random.choices(tuple(DAY), DAY.values())
        else:
            name = self.work
        return getattr(self, name)()

    def chat(self):
        return self.store.chat(self.now(), self.user(), self.text())

    def join(self):
        """Of somebody whom no caller has named before, nor any run with another seed."""
        self.joined += 1
        return self.store.join(self.now(), f"{self.newcomers}{self.joined}")

    def enter(self):
        return self.store.join(self.now(), self.user())

    def leave(self):
        return self.store.leave(self.now(), self.user())

    def count(self):
        chat = self.random.randint(0, self.users)
        return self.store.count(self.now(), chat, chat + self.random.randint(0, 50))

    def top(self):
        return self.store.top(TOP)

    def recent(self):
        return self.store.recent(RECENT)

    def stats(self):
        return self.store.stats(self.user())

    def queue(self):
        return self.store.queue(self.now(), self.text())

    def now(self):
        self.clock.now += self.random.randrange(LOOKS_PER_SECOND) == 0
        return self.clock.now

    def user(self):
        return f"user{self.random.randrange(self.users)}"

    def text(self):
        length = self.random.randint(20, 80)
        start = self.random.randint(0, len(TEXT) - length)
        return TEXT[start : start + length]
