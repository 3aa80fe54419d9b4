"""One suite for both forms of the bus: what units may rely on."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from shared.v1.bus import Bus, Endpoint, Message, Outgoing, Service
from shared.v1.errors import FencedError, RefusedError, TryAgainError
from shared.v1.streams import COGNITION, DECISIONS, SENSES, Change, nyx_consumer, streams_of

WAVE = "dev.nervous.cells.math.wave"
REQUEST = "dev.cognitive.nyx.request"


async def test_applying_the_streams_twice_changes_nothing(bus: Bus) -> None:
    changes = await bus.apply(streams_of("dev"))
    assert {change.change for change in changes} == {Change.KEEP}
    assert SENSES in {change.name for change in changes}


async def test_positions_count_from_one_and_a_repeated_id_is_stored_once(bus: Bus) -> None:
    assert await bus.last_seq(SENSES) == 0
    assert await bus.append(WAVE, b"a", message_id="x") == 1
    assert await bus.append(WAVE, b"a", message_id="x") == 1
    assert await bus.append(WAVE, b"b") == 2
    assert await bus.last_seq(SENSES) == 2


async def test_a_stored_message_keeps_subject_body_headers_and_time(bus: Bus) -> None:
    await bus.append(WAVE, b"a", headers={"Colour": "red"}, message_id="x")
    stored = await bus.get(SENSES, 1)
    assert stored is not None
    assert (stored.subject, stored.body, stored.seq, stored.stream) == (WAVE, b"a", 1, SENSES)
    assert stored.headers["Colour"] == "red"
    assert stored.headers["Nats-Msg-Id"] == "x"
    assert stored.at_ms > 1_700_000_000_000
    assert await bus.get(SENSES, 2) is None


async def test_a_reader_and_a_direct_get_tell_the_same_time(bus: Bus) -> None:
    for number in range(20):
        await bus.append(WAVE, str(number).encode())
    async with aclosing(bus.read(SENSES, after=0)) as messages:  # type: ignore[type-var]
        for _ in range(20):
            message = await anext(messages)
            assert message == await bus.get(SENSES, message.seq)


async def test_what_is_plainly_published_on_a_kept_subject_is_stored(bus: Bus) -> None:
    await bus.publish(WAVE, b"by hand")
    async with aclosing(bus.read(SENSES, after=0)) as messages:  # type: ignore[type-var]
        assert (await anext(messages)).body == b"by hand"


async def test_a_subject_that_no_stream_keeps_is_an_error(bus: Bus) -> None:
    with pytest.raises(TryAgainError, match="streams apply"):
        await bus.append("dev.nowhere.at.all", b"a")


async def test_an_append_on_a_condition_is_refused_when_somebody_wrote_first(bus: Bus) -> None:
    first = await bus.append(REQUEST, b"a", last_on_subject=0)
    with pytest.raises(FencedError):
        await bus.append(REQUEST, b"b", last_on_subject=0)
    await bus.append(REQUEST, b"b", last_on_subject=first)


async def test_a_batch_is_stored_whole_or_not_at_all(bus: Bus) -> None:
    batch = [
        Outgoing(subject=f"dev.nervous.thalamus.math.{kind}", body=kind.encode())
        for kind in ("transition", "escalation", "correlation")
    ]
    assert await bus.append_all(batch, last=0) == 3
    with pytest.raises(FencedError):
        await bus.append_all(batch, last=2)
    assert await bus.append_all(batch[:1], last=3) == 4
    with pytest.raises(FencedError):
        await bus.append_all(batch[:1], last=3)
    assert await bus.last_seq(DECISIONS) == 4


async def test_a_reader_sees_what_was_and_what_comes_in_order(bus: Bus) -> None:
    for number in range(5):
        await bus.append(WAVE, str(number).encode())
    async with aclosing(bus.read(SENSES, after=2)) as messages:  # type: ignore[type-var]
        assert [(await anext(messages)).seq for _ in range(3)] == [3, 4, 5]
        await bus.append(WAVE, b"new")
        assert (await anext(messages)).body == b"new"


async def test_a_reader_ends_when_reading_is_stopped(bus: Bus) -> None:
    async def read_all() -> int:
        return len([message async for message in bus.read(SENSES, after=0)])

    await bus.append(WAVE, b"a")
    reading = asyncio.create_task(read_all())
    await asyncio.sleep(0)
    await bus.stop_reading()
    async with asyncio.timeout(10):
        assert await reading <= 1


async def test_durable_work_comes_again_until_it_is_acknowledged(bus: Bus) -> None:
    consumer = nyx_consumer("dev")
    await bus.append(REQUEST, b"think")
    async with aclosing(bus.consume(consumer)) as deliveries:  # type: ignore[type-var]
        first = await anext(deliveries)
        assert (first.message.body, first.attempt, first.is_last_attempt) == (b"think", 1, False)
        await first.retry(0.01)
        second = await anext(deliveries)
        assert (second.message.seq, second.attempt) == (1, 2)
        assert await bus.acked_up_to(consumer) == 0
        await second.working()
        await second.ack()
        await bus.append(REQUEST, b"more")
        third = await anext(deliveries)
        assert third.message.body == b"more"
        await third.refuse()


async def test_the_last_attempt_is_known_as_such(bus: Bus) -> None:
    consumer = replace(nyx_consumer("dev"), max_deliver=2)
    cognition = next(spec for spec in streams_of("dev") if spec.name == COGNITION)
    await bus.apply([replace(cognition, consumers=(consumer,))])
    await bus.append(REQUEST, b"think")
    async with aclosing(bus.consume(consumer)) as deliveries:  # type: ignore[type-var]
        await (await anext(deliveries)).retry(0.01)
        assert (await anext(deliveries)).is_last_attempt


async def test_messages_on_a_subject_are_found_by_position_and_by_time(bus: Bus) -> None:
    await bus.append(REQUEST, b"a")
    await bus.append("dev.cognitive.nyx.response", b"b")
    await bus.append(REQUEST, b"c")
    second = await bus.next_on(COGNITION, REQUEST, since=2)
    assert second is not None
    assert second.body == b"c"
    assert await bus.next_on(COGNITION, REQUEST, since=4) is None
    first = await bus.get(COGNITION, 1)
    assert first is not None
    assert await bus.next_on(COGNITION, REQUEST, since_ms=first.at_ms) == first
    assert await bus.next_on(COGNITION, REQUEST, since_ms=second.at_ms + 60_000) is None
    assert await bus.last_on(COGNITION, REQUEST) == second
    assert await bus.last_on(COGNITION, "dev.cognitive.*.rejected") is None


async def test_a_subscriber_hears_what_passes(bus: Bus) -> None:
    async with bus.subscribe("dev.nervous.>") as messages:
        await bus.publish("dev.nervous.cells.math.response", b"42", headers={"A": "b"})
        await bus.append(WAVE, b"kept")
        heard = [await anext(messages), await anext(messages)]
    assert [message.body for message in heard] == [b"42", b"kept"]
    assert heard[0].headers == {"A": "b"}


async def test_a_service_answers_with_a_copy_and_a_refusal_says_why(bus: Bus) -> None:
    async def double(message: Message) -> bytes:
        if not message.body.isdigit():
            raise RefusedError("send digits", code=422)
        return str(2 * int(message.body)).encode()

    asked, answered = "dev.nervous.cells.double.request", "dev.nervous.cells.double.response"
    endpoint = Endpoint(name="request", subject=asked, handler=double, copy_to=answered)
    await bus.serve(Service(name="double", version="1.0.0", description="doubles", endpoints=[endpoint]))
    async with bus.subscribe(answered) as copies:
        assert (await bus.request(asked, b"21", timeout_s=5)).body == b"42"
        assert (await anext(copies)).body == b"42"
    with pytest.raises(RefusedError, match="send digits") as refusal:
        await bus.request(asked, b"many", timeout_s=5)
    assert refusal.value.code == 422


async def test_a_request_that_nobody_answers_says_so(bus: Bus) -> None:
    with pytest.raises(TryAgainError, match="nobody answers"):
        await bus.request("dev.nervous.cells.nobody.request", b"", timeout_s=5)
