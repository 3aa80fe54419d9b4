"""How fast the thalamus reads and folds, beside a bare push consumer of nats-py, and the same gates elsewhere.

All rows read the same recorded waves from the same server, in turns. A row's ratio is its rate over that of
its peer: 0.5 is half as many waves a second. Two rows need the group `bench` (FastStream, Bytewax).
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec

import nats
from nats.js import api

from benchmarks.recording import Recording, recorded
from benchmarks.rows import Row, arguments, percentile, row, run, show
from shared.v1.bus_nats import NatsBus
from shared.v1.decode import decode
from shared.v1.runtime import Context
from shared.v1.streams import DECISIONS, SENSES
from thalamus.fold import Input, State, step
from thalamus.keeper import BUCKET
from thalamus.service import Thalamus
from thalamus.settings import ThalamusSettings

PER_SECOND = 5_000
"""The pace of the recording."""

BARE, FASTSTREAM = "bare push read by nats-py", "the same gates on FastStream, an ack each"
READER, DECODED, REPLAY = "our reader", "read + decode", "replay: read + decode + fold"
WHOLE, PULL, BYTEWAX = (
    "whole thalamus",
    "pull consumer, batches of 100, an ack each",
    "the same gates on Bytewax",
)

Way = Callable[[Recording], Awaitable[None]]


async def read_bare(recording: Recording) -> None:
    """The peer: nats-py's own push subscription, counting."""
    client = await nats.connect(recording.url)
    left, done = recording.waves, asyncio.Event()

    async def on_message(_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    await client.jetstream().subscribe(
        "",
        stream=SENSES,
        cb=on_message,
        manual_ack=True,
        config=api.ConsumerConfig(ack_policy=api.AckPolicy.NONE),
        pending_msgs_limit=-1,
        pending_bytes_limit=-1,
    )
    await done.wait()
    await client.close()


async def read_pull(recording: Recording) -> None:
    """A pull consumer as nats-py's documentation shows it."""
    client = await nats.connect(recording.url)
    reader = await client.jetstream().pull_subscribe(">", stream=SENSES, config=api.ConsumerConfig())
    left = recording.waves
    while left:
        for message in await reader.fetch(min(100, left)):
            await message.ack()
            left -= 1
    await client.close()


async def read_ours(recording: Recording) -> None:
    """What every reader of a stream uses here: proves that nothing is missing."""
    await _read(recording, decoding=False, state=None)


async def read_decoded(recording: Recording) -> None:
    """The same, to typed and filled-in messages."""
    await _read(recording, decoding=True, state=None)


async def replay(recording: Recording) -> None:
    """The same, folded, without publishing."""
    await _read(recording, decoding=True, state=State())


async def _read(recording: Recording, *, decoding: bool, state: State | None) -> None:
    bus = await NatsBus.connect(recording.settings(), name="benchmark")
    async for message in bus.read(SENSES, after=0):
        if decoding:
            subject, body = decode(message)
            if state is not None:
                step(state, Input(seq=message.seq, at_ms=message.at_ms, subject=subject, body=body))
        if message.seq == recording.waves:
            break
    await bus.close()


async def live_thalamus(recording: Recording) -> None:
    """The unit itself, from its start until all waves are folded and all decisions are stored."""
    settings = ThalamusSettings(nats_url=recording.url, tick_ms=60_000)
    bus = await NatsBus.connect(settings, name="benchmark")
    unit = Thalamus([])
    context = Context(unit.manifest, settings, bus)
    living = asyncio.create_task(unit.run(context))
    while unit.state.seq < recording.waves and not living.done():  # noqa: ASYNC110 - it tells nobody else
        await asyncio.sleep(0.002)
    context.draining.set()
    await bus.stop_reading()
    await living  # writes what was decided, and keeps a snapshot
    await bus.close()


async def on_faststream(recording: Recording) -> None:
    from benchmarks.peer_faststream import fold_on_faststream

    await fold_on_faststream(recording)


async def on_bytewax(recording: Recording) -> None:
    from benchmarks.peer_bytewax import fold_on_bytewax

    await asyncio.to_thread(fold_on_bytewax, recording)


async def _forget_decisions(recording: Recording) -> None:
    """Let the next thalamus begin from scratch, and say everything again."""
    client = await nats.connect(recording.url)
    js = client.jetstream()
    await js.purge_stream(DECISIONS)
    with contextlib.suppress(nats.js.errors.NotFoundError):
        await js.delete_object_store(BUCKET)
    await client.close()


def ways() -> dict[str, Way]:
    """What is measured here; peers that are not installed are left out, and said."""
    found: dict[str, Way] = {
        BARE: read_bare,
        READER: read_ours,
        DECODED: read_decoded,
        REPLAY: replay,
        WHOLE: live_thalamus,
        PULL: read_pull,
    }
    for name, way, module in ((FASTSTREAM, on_faststream, "faststream"), (BYTEWAX, on_bytewax, "bytewax")):
        if find_spec(module):
            found[name] = way
        else:
            print(f"left out: {name} (uv run --group bench installs it)", file=sys.stderr)
    return found


async def measure(rounds: int, count: int) -> tuple[list[Row], list[str]]:
    """Measure in turns; return the rows and the absolute figures."""
    seconds: dict[str, list[float]] = {name: [] for name in ways()}
    async with recorded(count, per_second=PER_SECOND) as recording:
        for _ in range(rounds):
            for name, way in ways().items():
                await _forget_decisions(recording)
                started = time.perf_counter()
                await way(recording)
                seconds[name].append(time.perf_counter() - started)
    goals = {REPLAY: 0.6, WHOLE: 0.5}
    rows = [
        row(name, _ratios(seconds, name, BARE), peer=BARE, at_least=goals.get(name))
        for name in seconds
        if name != BARE
    ]
    if FASTSTREAM in seconds:
        rows.append(row(WHOLE, _ratios(seconds, WHOLE, FASTSTREAM), peer=FASTSTREAM, at_least=5))
    each = {name: percentile(values, 0.5) / count for name, values in seconds.items()}
    asides = [f"{name}: {1 / taken:,.0f} waves/s, {taken * 1e6:.1f} µs each" for name, taken in each.items()]
    return rows, asides


def _ratios(seconds: dict[str, list[float]], ours: str, peer: str) -> list[float]:
    return [theirs / own for own, theirs in zip(seconds[ours], seconds[peer], strict=True)]


def main() -> None:
    options = arguments(__doc__ or "", rounds=5, per_round=20_000)
    logging.disable(logging.WARNING)
    rows, asides = run(measure(options.rounds, options.per_round))
    show(rows, asides, options.output)


if __name__ == "__main__":
    main()
