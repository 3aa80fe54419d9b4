# mypy: disable-error-code="import-not-found, misc"
"""The same gates written on Bytewax: a source that reads SENSES in batches, state per region, a sink."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import bytewax.operators as op
import nats
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from nats.js import api

from benchmarks.recording import RULES, Recording
from shared.v1.bus import Stored
from shared.v1.decode import decode
from shared.v1.streams import SENSES
from shared.v1.subjects import decision
from thalamus.decisions import Decision
from thalamus.fold import Input, State, step

_BATCH = 500


class _Partition(StatelessSourcePartition[Input]):
    """A pull consumer without acknowledgements: what Bytewax's blocking worker can read fastest."""

    def __init__(self, recording: Recording) -> None:
        self._left = recording.waves - 1
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._start(recording.url))

    async def _start(self, url: str) -> None:
        self._client = await nats.connect(url)
        self._reader = await self._client.jetstream().pull_subscribe(
            "dev.nervous.cells.*.wave",
            stream=SENSES,
            config=api.ConsumerConfig(ack_policy=api.AckPolicy.NONE),
            pending_msgs_limit=-1,
            pending_bytes_limit=-1,
        )

    def next_batch(self) -> Iterable[Input]:
        if not self._left:
            raise StopIteration
        messages = self._loop.run_until_complete(self._reader.fetch(min(_BATCH, self._left)))
        self._left -= len(messages)
        return [_input(message) for message in messages]

    def next_awake(self) -> datetime | None:
        return None

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


class _Source(DynamicSource[Input]):
    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        return _Partition(self._recording)


class _Publisher(StatelessSinkPartition[tuple[str, Decision]]):
    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(nats.connect(url))

    def write_batch(self, items: Sequence[tuple[str, Decision]]) -> None:
        self._loop.run_until_complete(self._publish(items))

    async def _publish(self, items: Sequence[tuple[str, Decision]]) -> None:
        for region, made in items:
            await self._client.publish(decision("dev", region, made.kind), made.to_bytes())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


class _Sink(DynamicSink[tuple[str, Decision]]):
    def __init__(self, url: str) -> None:
        self._url = url

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Publisher:
        return _Publisher(self._url)


def fold_on_bytewax(recording: Recording) -> None:
    """Fold all recorded waves with a Bytewax dataflow; blocks."""
    flow = Dataflow("gates")
    inputs = op.input("senses", flow, _Source(recording))
    by_region = op.key_on("region", inputs, lambda item: str(getattr(item.body, "semantic", "")))
    decided = op.stateful_flat_map("gate", by_region, _fold)
    op.output("decisions", decided, _Sink(recording.url))
    run_main(flow, epoch_interval=timedelta(seconds=10))


def _fold(state: State | None, item: Input) -> tuple[State, Iterable[Decision]]:
    if state is None:
        state = State()
        state.rules.change(RULES, 1)
    return state, step(state, item)


def _input(message: Any) -> Input:
    place = message.metadata
    stored = Stored(
        subject=message.subject,
        body=message.data,
        headers=message.headers or {},
        stream=SENSES,
        seq=place.sequence.stream,
        at_ms=int(place.timestamp.timestamp() * 1000),
    )
    subject, body = decode(stored)
    return Input(seq=stored.seq, at_ms=stored.at_ms, subject=subject, body=body)
