# mypy: disable-error-code="import-not-found, untyped-decorator"
"""The same gates on FastStream, as its documentation would write them: a typed handler, an ack each."""

import asyncio

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.js.api import ConsumerConfig, DeliverPolicy

from benchmarks.recording import RULES, Recording
from shared.v1.messages import WaveSignal
from shared.v1.streams import SENSES
from shared.v1.subjects import decision, parse
from thalamus.fold import Input, State, step


async def fold_on_faststream(recording: Recording) -> None:
    """Fold all recorded waves with a FastStream subscriber."""
    state, left, done = State(), recording.waves - 1, asyncio.Event()
    state.rules.change(RULES, 1)
    broker = NatsBroker(recording.url, logger=None)

    @broker.subscriber(
        "dev.nervous.cells.*.wave",
        stream=JStream(SENSES, declare=False),
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
        ack_policy=AckPolicy.ACK,
        pending_msgs_limit=-1,
        pending_bytes_limit=-1,
    )
    async def on_wave(wave: WaveSignal, message: NatsMessage) -> None:
        nonlocal left
        place = message.raw_message.metadata
        item = Input(
            seq=place.sequence.stream,
            at_ms=int(place.timestamp.timestamp() * 1000),
            subject=parse(message.raw_message.subject),
            body=wave,
        )
        for made in step(state, item):
            await broker.publish(made.to_bytes(), decision("dev", made.region, made.kind))
        left -= 1
        if not left:
            done.set()

    async with broker:
        await broker.start()
        await done.wait()
