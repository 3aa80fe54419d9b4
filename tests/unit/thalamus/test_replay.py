"""Ranges of the logs, and what is told when a replay parts from the record."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from shared.v1.bus import Outgoing, Stored
from shared.v1.bus_memory import MemoryBus
from shared.v1.errors import NimmerverseError
from shared.v1.streams import DECISIONS, SENSES, streams_of
from tests.unit.thalamus.conftest import START_MS
from thalamus.history import Place, Span, Time, decisions_between, read_span, span_of
from thalamus.keeper import BUCKET
from thalamus.replay import Difference, first_difference, replayed, state_before
from thalamus.snapshot import encode

SUBJECT = "dev.nervous.thalamus.math.transition"


class Clock:
    """Milliseconds since the start that a test sets."""

    now = 0

    def __call__(self) -> int:
        return START_MS + self.now


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    clock = Clock()
    made = MemoryBus(clock=clock)
    await made.apply(streams_of("dev"))
    for second in range(5):
        clock.now = second * 1000
        body = json.dumps({"confidence": 0.5, "semantic": "toast"}).encode()
        await made.append(f"dev.nervous.cells.cell{second}.wave", body)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, (1, 5)),
        (2, 4, (2, 4)),
        (0, 99, (1, 5)),
        (99, None, (6, 5)),
        (None, 0, (1, 0)),
        (Time(START_MS + 1000), Time(START_MS + 3000), (2, 4)),
        (Time(START_MS + 1001), Time(START_MS + 2999), (3, 3)),
        (Time(0), Time(START_MS + 9000), (1, 5)),
        (Time(START_MS + 4001), None, (6, 5)),
        (None, Time(0), (1, 0)),
    ],
)
async def test_positions_and_times_name_a_range(
    bus: MemoryBus, since: Place | None, until: Place | None, expected: tuple[int, int]
) -> None:
    span = await span_of(bus, "dev", since, until)
    assert (span.first, span.last, span.oldest) == (*expected, 1)
    got = [message.seq async for message in read_span(bus, SENSES, first=span.first, last=span.last)]
    assert got == list(range(expected[0], expected[1] + 1))


async def test_an_empty_log_has_no_range() -> None:
    bus = MemoryBus()
    await bus.apply(streams_of("dev"))
    assert await span_of(bus, "dev", 3, Time(9)) == Span(first=1, last=0, oldest=0)
    await bus.close()


async def decide(bus: MemoryBus, *causes: int) -> None:
    for cause in causes:
        await bus.append(SUBJECT, json.dumps({"input_seq": cause}).encode())


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(1, 9, [1, 2, 3, 4, 5]), (2, 2, []), (3, 3, [2, 3, 4]), (4, 9, [5]), (9, 9, []), (1, 2, [1])],
)
async def test_decisions_are_found_by_their_causes(
    bus: MemoryBus, first: int, last: int, expected: list[int]
) -> None:
    await decide(bus, 1, 3, 3, 3, 7)
    span = Span(first=first, last=last, oldest=1)
    assert [message.seq async for message in decisions_between(bus, "dev", span)] == expected


async def test_what_is_no_decision_is_named(bus: MemoryBus) -> None:
    await bus.append(SUBJECT, b"{}")
    with pytest.raises(NimmerverseError, match=r"DECISIONS:1 .* is no decision"):
        _ = [message async for message in decisions_between(bus, "dev", Span(first=1, last=9, oldest=1))]


async def test_a_range_begins_with_the_state_that_its_past_made(bus: MemoryBus) -> None:
    whole = [
        made
        async for made in replayed(
            bus,
            (await state_before(bus, Span(first=1, last=0, oldest=1))).state,
            Span(first=1, last=5, oldest=1),
        )
    ]
    for first in range(1, 6):
        span = Span(first=first, last=5, oldest=1)
        beginning = await state_before(bus, span)
        assert (beginning.snapshot, beginning.lost) == (0, 0)
        later = [made async for made in replayed(bus, beginning.state, span)]
        assert later == whole[first - 1 :]


async def test_the_newest_sound_snapshot_before_a_range_is_used(bus: MemoryBus) -> None:
    for first in (3, 4, 5):
        span = Span(first=first, last=5, oldest=1)
        state = (await state_before(bus, span)).state
        await bus.stores.keep(BUCKET, f"{state.seq:020d}", encode(state)[0])
    assert (await state_before(bus, Span(first=4, last=5, oldest=1))).snapshot == 3
    assert (await state_before(bus, Span(first=2, last=5, oldest=1))).snapshot == 0
    await bus.stores.keep(BUCKET, f"{3:020d}", b"torn")
    assert (await state_before(bus, Span(first=4, last=5, oldest=1))).snapshot == 2


async def test_a_past_that_is_gone_is_counted(bus: MemoryBus) -> None:
    beginning = await state_before(bus, Span(first=4, last=5, oldest=4))
    assert beginning.lost == 3


async def each(bodies: Sequence[bytes]) -> AsyncIterator[Stored]:
    for seq, body in enumerate(bodies, start=1):
        yield Stored(subject=SUBJECT, body=body, stream=DECISIONS, seq=seq, at_ms=0)


async def made(bodies: Sequence[bytes]) -> AsyncIterator[Outgoing]:
    for body in bodies:
        yield Outgoing(subject=SUBJECT, body=body)


@pytest.mark.parametrize(
    ("recorded", "folded", "same", "fields"),
    [
        ([], [], 0, None),
        ([b'{"a":1}', b'{"a":2}'], [b'{"a":1}', b'{"a":2}'], 2, None),
        ([b'{"a":1,"b":0}'], [b'{"a":2,"b":0}'], 0, ("a",)),
        ([b'{"a":1}'], [b'{"a": 1}'], 0, ("body",)),
        ([b'{"a":1}'], [b'{"b":1}'], 0, ("a", "b")),
        ([b"x"], [b"y"], 0, ("body",)),
        ([b"{}", b"{}"], [b"{}"], 1, ()),
        ([b"{}"], [b"{}", b"{}"], 1, ()),
    ],
)
async def test_the_first_difference_is_told(
    recorded: list[bytes], folded: list[bytes], same: int, fields: tuple[str, ...] | None
) -> None:
    count, difference = await first_difference(each(recorded), made(folded))
    assert count == same
    assert (difference.fields if difference else None) == fields
    if difference:
        assert difference.place == same + 1


def test_another_subject_is_a_difference() -> None:
    kept = Stored(subject=SUBJECT, body=b"{}", stream=DECISIONS, seq=1, at_ms=0)
    other = Outgoing(subject="dev.nervous.thalamus.load.transition", body=b"{}")
    assert Difference(place=1, recorded=kept, replayed=other).fields == ("subject",)
