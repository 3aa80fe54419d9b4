"""Waves that are said again in another garden."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from shared.v1.bus import Stored
from shared.v1.bus_memory import MemoryBus
from shared.v1.messages import WaveSignal
from shared.v1.streams import SENSES, streams_of
from tests.unit.thalamus.conftest import START_MS
from tests.unit.thalamus.inputs import stored, stored_wave
from thalamus.decisions import time_of
from thalamus.republish import Casting, Pace, cast, republish

CASTING = Casting(env="staging", garden="real", target="virtual.again")


def wave_of(message: Stored, casting: Casting = CASTING) -> WaveSignal:
    made = cast(message, casting)
    assert made is not None
    return WaveSignal.from_bytes(made[1].body)


def test_a_wave_of_the_real_garden_brings_its_receive_time() -> None:
    message = stored_wave("math", 0.6, seq=7, at=5, payload={"a": 1}, observed_at=time_of(0))
    made = cast(message, CASTING)
    assert made is not None
    at, outgoing = made
    assert at == time_of(START_MS + 5)
    assert outgoing.subject == "staging.nervous.cells.math.wave"
    said = WaveSignal.from_bytes(outgoing.body)
    assert (said.garden, said.observed_at, said.id) == ("virtual.again", at, "SENSES:7")
    assert (said.confidence, said.payload, said.source) == (0.6, {"a": 1}, "math")


def test_a_wave_of_a_virtual_garden_keeps_its_own_time() -> None:
    message = stored_wave("math", 0.6, garden="virtual.x", observed_at=time_of(1_000))
    assert cast(message, CASTING) is None
    said = wave_of(message, Casting(env="dev", garden="", target="virtual.again"))
    assert said.observed_at == time_of(1_000)


def test_in_the_real_garden_a_wave_gets_an_id_of_its_own() -> None:
    made = cast(stored_wave("math", 0.6, id="mine"), Casting(env="dev", garden="real", target="real"))
    assert made is not None
    assert "id" not in json.loads(made[1].body)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("dev.nervous.thalamus.tick", b"{}"),
        ("dev.nervous.thalamus.rules", b'{"threshold": 0.7}'),
        ("dev.nervous.outcomes.math", b'{"outcome": "confirmed"}'),
        ("dev.nervous.cells.math.wave", b'{"confidence": 7}'),
    ],
)
def test_all_else_is_not_said_again(subject: str, body: bytes) -> None:
    assert cast(stored(subject, body), CASTING) is None


async def each(messages: Sequence[Stored]) -> AsyncIterator[Stored]:
    for message in messages:
        yield message


@pytest.mark.parametrize(("speed", "slept"), [(1.0, [0.0, 2.0, 1.0]), (10.0, [0.0, 0.2, 0.1]), (0.0, [])])
async def test_waves_are_said_in_order_and_at_their_speed(speed: float, slept: list[float]) -> None:
    bus = MemoryBus()
    await bus.apply(streams_of("dev"))
    now, pauses = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    messages = [
        stored_wave("math", 0.1, seq=1, at=0),
        stored("dev.nervous.thalamus.tick", b"{}", seq=2, at=1_000),
        stored_wave("math", 0.2, seq=3, at=2_000),
        stored_wave("math", 0.3, seq=4, at=3_000),
    ]
    casting = Casting(env="dev", garden="real", target="virtual.again")
    assert await republish(bus, each(messages), casting, Pace(speed, lambda: now, sleep)) == 3
    assert pauses == pytest.approx(slept)
    kept = [await bus.get(SENSES, seq) for seq in (1, 2, 3)]
    assert [json.loads(message.body)["confidence"] for message in kept if message] == [0.1, 0.2, 0.3]
    await bus.close()
