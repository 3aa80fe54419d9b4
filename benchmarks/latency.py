"""How long the thalamus takes from a wave to its decision, idle and at half load.

The peer is the sum of what cannot be saved: a bare JetStream publish until its delivery to another
connection, and a bare atomic batch of two until its acknowledgement. Ours is from the publishing of the wave
that opens a gate until another connection has read the transition from DECISIONS, so it has one delivery
more.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import nats

from benchmarks.first_wave import BARE
from benchmarks.recording import Recording, publish_paced, recorded, waves
from benchmarks.rows import Row, arguments, percentile, row, run, show
from shared.v1.bus import Outgoing, Stored
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import TryAgainError
from shared.v1.messages import GatesAnswer
from shared.v1.streams import DECISIONS, SENSES, StreamSpec

PEER = "bare publish → delivery + bare batch of two"
BATCHES = StreamSpec(
    name="BATCHES",
    description="peer of the benchmark",
    subjects=("batches.>",),
    max_bytes=2**26,
    max_age_s=3600,
    atomic=True,
)
LOAD_S = 4.0
_EVERY_S = 0.02  # between two openings under load


@asynccontextmanager
async def thalamus_on(recording: Recording) -> AsyncIterator[int]:
    """A thalamus as a process of its own; gives its process id once it has folded the recording."""
    environment = {**os.environ, "NATS_URL": recording.url, "NIMMERVERSE_LOG_LEVEL": "error"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "thalamus", env=environment)
    bus = await NatsBus.connect(recording.settings(), name="benchmark")
    try:
        await folded(bus, recording.waves)
        yield process.pid
    finally:
        await bus.close()
        process.terminate()
        await process.wait()


async def folded(bus: NatsBus, seq: int) -> None:
    """Wait until the thalamus has folded an input."""
    while True:
        with contextlib.suppress(TryAgainError):  # it has not started yet
            answer = await bus.request("dev.nervous.thalamus.gates.request", b"", timeout_s=5)
            if GatesAnswer.from_bytes(answer.body).input_seq >= seq:
                return
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Course:
    """Measurements on one server; times are in seconds."""

    bus: NatsBus
    arrivals: AsyncIterator[Stored]
    decisions: AsyncIterator[Stored]
    regions: int = 0
    batches: int = 0

    async def hop(self) -> float:
        started = time.perf_counter()
        await self.bus.append("bare.wave", b'{"confidence": 0.6}')
        await anext(self.arrivals)
        return time.perf_counter() - started

    async def batch(self) -> float:
        two = [
            Outgoing(subject="batches.one", body=b"x" * 600),
            Outgoing(subject="batches.two", body=b"x" * 600),
        ]
        started = time.perf_counter()
        self.batches = await self.bus.append_all(two, last=self.batches)
        return time.perf_counter() - started

    async def opening(self) -> float:
        """Two cells agree about a new region."""
        self.regions += 1
        region = f"opening-{self.regions}"
        body = json.dumps({"semantic": region, "confidence": 0.8}).encode()
        await self.bus.append("dev.nervous.cells.one.wave", body)
        started = time.perf_counter()
        await self.bus.append("dev.nervous.cells.other.wave", body)
        async for decision in self.decisions:
            if decision.subject == f"dev.nervous.thalamus.{region}.transition":
                return time.perf_counter() - started
        raise AssertionError("reading was stopped")


@dataclass(slots=True)
class Times:
    """What was measured, in seconds; a list per round."""

    hop: list[list[float]] = field(default_factory=list)
    batch: list[list[float]] = field(default_factory=list)
    idle: list[list[float]] = field(default_factory=list)
    loaded: list[list[float]] = field(default_factory=list)
    load: float = 0.0  # waves a second

    def ratios(self, ours: list[list[float]], share: float) -> list[float]:
        """Ours over the sum of the peers' medians, per round."""
        return [
            percentile(own, share) / (percentile(hop, 0.5) + percentile(batch, 0.5))
            for own, hop, batch in zip(ours, self.hop, self.batch, strict=True)
        ]


async def measure(rounds: int, per_round: int) -> Times:
    """Measure in turns, then under load."""
    times = Times()
    async with recorded(2_000, per_second=5_000) as recording, thalamus_on(recording):
        bus = await NatsBus.connect(recording.settings(), name="benchmark")
        await bus.apply([BARE, BATCHES])
        listener = await NatsBus.connect(recording.settings(), name="listener")
        end = await bus.last_seq(DECISIONS)
        async with (
            aclosing(listener.read("BARE", after=0)) as arrivals,  # type: ignore[type-var]
            aclosing(listener.read(DECISIONS, after=end)) as decisions,  # type: ignore[type-var]
        ):
            course = Course(bus, arrivals, decisions)
            for _ in range(5):
                await course.opening()
            most = await _most_waves_per_second(bus, recording)
            times.load = most / 2
            for _ in range(rounds):
                hop, batch, idle = [], [], []
                for _ in range(per_round):
                    hop.append(await course.hop())
                    batch.append(await course.batch())
                    idle.append(await course.opening())
                times.hop.append(hop)
                times.batch.append(batch)
                times.idle.append(idle)
                times.loaded.append(await _under_load(course, recording, times.load))
        await listener.close()
        await bus.close()
    return times


async def _most_waves_per_second(bus: NatsBus, recording: Recording) -> float:
    """As many as the whole way takes, from a publisher that never waits to the fold."""
    client = await nats.connect(recording.url)
    started, before = time.perf_counter(), await bus.last_seq(SENSES)
    await publish_paced(client, waves(20_000, seed=2), 1_000_000)
    end = await bus.last_seq(SENSES)
    await folded(bus, end)
    await client.close()
    return (end - before) / (time.perf_counter() - started)


async def _under_load(course: Course, recording: Recording, per_second: float) -> list[float]:
    client = await nats.connect(recording.url)
    count = int(per_second * LOAD_S)
    said = iter(list(waves(count, seed=1_000 + course.regions)))
    publishing = asyncio.create_task(publish_paced(client, said, int(per_second)))
    taken = []
    while not publishing.done():
        taken.append(await course.opening())
        await asyncio.sleep(_EVERY_S)
    await publishing
    await client.close()
    return taken


def main() -> None:
    options = arguments(__doc__ or "", rounds=5, per_round=60)
    times = run(measure(options.rounds, options.per_round))
    rows: list[Row] = [
        row("wave → decision, p50", times.ratios(times.idle, 0.5), peer=PEER, at_most=2),
        row("wave → decision, p99", times.ratios(times.idle, 0.99), peer=PEER),
        row("wave → decision at half load, p50", times.ratios(times.loaded, 0.5), peer=PEER),
        row("wave → decision at half load, p99", times.ratios(times.loaded, 0.99), peer=PEER),
    ]
    asides = [f"half load is {times.load:,.0f} waves/s here"]
    for name, measured in (
        ("bare hop", times.hop),
        ("bare batch", times.batch),
        ("idle", times.idle),
        ("half load", times.loaded),
    ):
        values = [value for values in measured for value in values]
        p50, p99 = percentile(values, 0.5) * 1e3, percentile(values, 0.99) * 1e3
        asides.append(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms over {len(values)}")
    show(rows, asides, options.output)


if __name__ == "__main__":
    main()
