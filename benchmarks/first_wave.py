"""How long a wave takes to an escalation and to Young Nyx's response, beside a bare JetStream hop.

The peer is the time from publishing into a stream to its delivery to a push consumer of another connection,
on the same server, measured in turns with ours. Cognition runs without models, so that the way is measured
and not the thinking.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from benchmarks.rows import Row, arguments, percentile, row, show
from console.organism import Organism, Plan
from shared.v1.bus import Bus, Message
from shared.v1.bus_nats import NatsBus
from shared.v1.streams import StreamSpec

PEER = "bare JetStream publish → delivery"
BARE = StreamSpec(
    name="BARE", description="peer of the benchmark", subjects=("bare.>",), max_bytes=2**26, max_age_s=3600
)
WITHOUT_MODELS = {"NIMMERVERSE_GEMMA_MODEL": "none", "NIMMERVERSE_NYX_MODEL": "none"}


class Course:
    """One run of measurements on a running organism; times are in seconds."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._regions = 0

    async def bare(self, arrivals: AsyncIterator[Message]) -> float:
        started = time.perf_counter()
        await self._bus.append("bare.wave", b'{"confidence": 0.6}')
        await anext(arrivals)
        return time.perf_counter() - started

    async def collapse(
        self, escalations: AsyncIterator[Message], responses: AsyncIterator[Message]
    ) -> tuple[float, float]:
        """Two cells agree about a new region: seconds to the escalation, and to the response."""
        self._regions += 1
        body = json.dumps({"semantic": f"region-{self._regions}", "confidence": 0.6}).encode()
        await self._bus.append("dev.nervous.cells.one.wave", body)
        started = time.perf_counter()
        await self._bus.append("dev.nervous.cells.other.wave", body)
        await anext(escalations)
        escalated = time.perf_counter() - started
        await anext(responses)
        return escalated, time.perf_counter() - started


async def measure(rounds: int, per_round: int) -> tuple[list[Row], list[str]]:
    """Measure in turns; return the rows and the absolute figures."""
    ratios: dict[tuple[str, str], list[float]] = {}
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with Organism(Plan(folder=Path(folder), cells=(), environment=WITHOUT_MODELS)) as organism:
            await organism.ready(lambda _: None, within_s=60)
            await organism.bus.apply([BARE])
            listener = await NatsBus.connect(organism.settings, name="benchmark")
            course = Course(organism.bus)
            async with (
                aclosing(listener.read("BARE", after=0)) as arrivals,  # type: ignore[type-var]
                listener.subscribe("dev.nervous.thalamus.*.escalation") as escalations,
                listener.subscribe("dev.cognitive.nyx.response") as responses,
            ):
                await course.bare(arrivals)
                await course.collapse(escalations, responses)
                for _ in range(rounds):
                    taken: dict[str, list[float]] = {"bare": [], "escalation": [], "response": []}
                    for _ in range(per_round):
                        taken["bare"].append(await course.bare(arrivals))
                        escalated, answered = await course.collapse(escalations, responses)
                        taken["escalation"].append(escalated)
                        taken["response"].append(answered)
                    for name, values in taken.items():
                        seconds.setdefault(name, []).extend(values)
                        for share in (0.5, 0.99):
                            ratio = percentile(values, share) / percentile(taken["bare"], share)
                            ratios.setdefault((name, f"p{share * 100:g}"), []).append(ratio)
            await listener.close()
    rows = [
        row(f"wave → {name}, {share}", values, peer=f"{share} of {PEER}")
        for (name, share), values in ratios.items()
        if name != "bare"
    ]
    asides = [
        f"{name}: p50 {percentile(values, 0.5) * 1e3:.2f} ms, p99 {percentile(values, 0.99) * 1e3:.2f} ms "
        f"over {len(values)} (this machine, now)"
        for name, values in seconds.items()
    ]
    return rows, asides


def main() -> None:
    options = arguments(__doc__ or "", rounds=7, per_round=60)
    rows, asides = asyncio.run(measure(options.rounds, options.per_round))
    show(rows, asides, options.output)


if __name__ == "__main__":
    main()
