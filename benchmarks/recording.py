"""A server with recorded waves, for benchmarks that read them again in several ways."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.aio.client import Client

from console.embedded import EmbeddedNats
from shared.v1.bus import MESSAGE_ID
from shared.v1.bus_nats import NatsBus
from shared.v1.messages import RuleChange, WaveSignal
from shared.v1.settings import Settings
from shared.v1.streams import SENSES, streams_of

REGIONS = 50
WITNESSES = 6  # per region
SURPRISES = 0.004
"""Share of waves that are the beginning of a surprise: what makes gates open, and so costs decisions."""

RULES = RuleChange(tau_ms=150)
"""A second of recording is worth ten of life, so that gates also fall back."""

_LOUD_WAVES = 8  # of one surprise


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`waves` inputs in SENSES, positions 1 to `waves`, on the server at `url`."""

    url: str
    waves: int

    def settings(self) -> Settings:
        """How our own processes reach the server."""
        return Settings(nats_url=self.url)


def waves(count: int, *, seed: int = 1) -> Iterator[WaveSignal]:
    """Waves as cells would say them: a murmur, and now and then several that are suddenly sure of a region.

    Another seed gives other waves with other ids.
    """
    dice = random.Random(seed)
    loud: list[int] = []  # regions, once for each wave that is still to come
    for number in range(count):
        if dice.random() < SURPRISES:
            loud += [dice.randrange(REGIONS)] * _LOUD_WAVES
        region, confidence = dice.randrange(REGIONS), dice.uniform(0.05, 0.25)
        if loud and dice.random() < 0.1:
            region, confidence = loud.pop(), dice.uniform(0.6, 0.9)
        source = f"cell{dice.randrange(WITNESSES)}/1.0.0/0a1b2c3d"
        yield WaveSignal.from_fields(
            {
                "id": f"{source}/{seed:x}-{number}",
                "source": source,
                "semantic": f"region-{region}",
                "confidence": round(confidence, 3),
                "payload": {"value": dice.randrange(1000)},
                "lifeforce_cost": 0.01,
            }
        )


def subject_of(wave: WaveSignal) -> str:
    """Where the cell that said a wave publishes it."""
    return f"dev.nervous.cells.{wave.source.split('/')[0]}.wave"


@asynccontextmanager
async def recorded(count: int, *, per_second: int) -> AsyncIterator[Recording]:
    """Start a server and record `count` inputs: the rule change, and waves at a given pace."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedNats(Path(folder))
        await server.start()
        try:
            recording = Recording(url=server.url, waves=count)
            bus = await NatsBus.connect(recording.settings(), name="benchmark")
            await bus.apply(streams_of("dev"))
            await bus.append("dev.nervous.thalamus.rules", RULES.to_bytes())
            client = await nats.connect(server.url)
            await publish_paced(client, waves(count - 1), per_second)
            await client.close()
            assert await bus.last_seq(SENSES) == count
            await bus.close()
            yield recording
        finally:
            await server.stop()


async def publish_paced(client: Client, said: Iterator[WaveSignal], per_second: int) -> None:
    """Publish waves at a pace, in small bursts, and wait until the stream has them all."""
    loop = asyncio.get_running_loop()
    started, js = loop.time(), client.jetstream()
    for published, wave in enumerate(said, start=1):
        headers = {MESSAGE_ID: wave.id}
        if published % 1_000 == 0:  # the stream has answered, so it cannot fall behind
            await js.publish(subject_of(wave), wave.to_bytes(), headers=headers)
        else:
            await client.publish(subject_of(wave), wave.to_bytes(), headers=headers)
        ahead = published / per_second - (loop.time() - started)
        if ahead > 0.002:
            await asyncio.sleep(ahead)
    await js.stream_info(SENSES)
