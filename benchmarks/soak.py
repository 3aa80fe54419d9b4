"""Does the thalamus stay as it is, hour after hour? A steady load, and a look at its memory and lag.

Publishes waves at a rate to a server of its own and prints, sixty times, the memory of the thalamus process
and how many waves wait. Ends with 1 if memory in the last quarter is above that of the second quarter by more
than a tenth (the first is warming up), or if waves ever waited for longer than two seconds.
"""

import argparse
import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import nats
import psutil

from benchmarks.latency import thalamus_on
from benchmarks.recording import publish_paced, recorded, waves
from benchmarks.rows import run
from shared.v1.bus_nats import NatsBus
from shared.v1.messages import GatesAnswer, WaveSignal
from shared.v1.streams import DECISIONS, SENSES

MAX_GROWTH = 1.1
MAX_WAIT_S = 2.0

_SAMPLES = 60
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How the thalamus does at one moment."""

    elapsed_s: float
    memory: int  # bytes
    waiting: int  # inputs
    gates: int
    decisions: int


async def soak(minutes: float, rate: int) -> list[Sample]:
    """Publish for so long; print and return the samples."""
    samples = []
    async with recorded(1_000, per_second=rate) as recording, thalamus_on(recording) as process_id:
        client = await nats.connect(recording.url)
        bus = await NatsBus.connect(recording.settings(), name="benchmark")
        process, started = psutil.Process(process_id), time.monotonic()
        publishing = asyncio.create_task(publish_paced(client, _endless(int(minutes * 60 * rate)), rate))
        while not publishing.done():
            await asyncio.wait({publishing}, timeout=minutes * 60 / _SAMPLES)
            samples.append(await _look(bus, process, time.monotonic() - started))
            print(_line(samples[-1]), flush=True)
        await publishing
        await client.close()
        await bus.close()
    return samples


def _endless(count: int) -> Iterator[WaveSignal]:
    """So many waves; the regions stay the same, the waves never."""
    lives = (waves(100_000, seed=seed) for seed in itertools.count(2))
    return itertools.islice(itertools.chain.from_iterable(lives), count)


async def _look(bus: NatsBus, process: psutil.Process, elapsed_s: float) -> Sample:
    last = await bus.last_seq(SENSES)
    answer = await bus.request("dev.nervous.thalamus.gates.request", b"", timeout_s=10)
    gates = GatesAnswer.from_bytes(answer.body)
    return Sample(
        elapsed_s=elapsed_s,
        memory=process.memory_info().rss,
        waiting=max(0, last - gates.input_seq),
        gates=len(gates.gates),
        decisions=await bus.last_seq(DECISIONS),
    )


def _line(sample: Sample) -> str:
    return (
        f"{sample.elapsed_s:8.0f} s  {sample.memory / _MIB:8.1f} MiB  {sample.waiting:6d} waiting  "
        f"{sample.gates:5d} gates  {sample.decisions:9d} decisions"
    )


def growth(samples: Sequence[Sample]) -> float:
    """Median memory of the last quarter over that of the second."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    return statistics.median(s.memory for s in last) / statistics.median(s.memory for s in second)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5_000, help="waves a second")
    options = parser.parse_args()
    samples = run(soak(options.minutes, options.rate))
    grown, waited = growth(samples), max(sample.waiting for sample in samples) / options.rate
    sound = grown <= MAX_GROWTH and waited <= MAX_WAIT_S
    verdict = "flat" if sound else "NOT flat"
    print(f"memory grew by {grown - 1:+.1%}, waves waited for at most {waited:.2f} s: {verdict}")
    raise SystemExit(0 if sound else 1)


if __name__ == "__main__":
    main()
