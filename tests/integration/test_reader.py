"""The reader of streams: whatever breaks, every message is seen once and in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import nats
import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from console.embedded import EmbeddedNats
from shared.v1 import nats_reader
from shared.v1.bus import Stored
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import TryAgainError, WrongPeerError
from shared.v1.settings import Settings
from shared.v1.streams import SENSES, streams_of
from tests.integration.waiting import crash, crash_and_restart, logged

WAVE = "dev.nervous.cells.math.wave"
OTHER = "dev.nervous.cells.other.wave"
ANEW = "reader starts anew"
CREATED = f"$JS.EVENT.ADVISORY.CONSUMER.CREATED.{SENSES}.>"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader notices silence sooner than it would in life."""
    monkeypatch.setattr(nats_reader, "_HEARTBEAT_S", 0.1)
    monkeypatch.setattr(nats_reader, "_SILENCE_S", 0.6)
    monkeypatch.setattr(nats_reader, "_RETRY_S", 0.02)


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[NatsBus]:
    made = await NatsBus.connect(settings, name="test")
    await made.apply(streams_of("dev"))
    yield made
    await made.close()


@pytest.fixture
async def person(bus: NatsBus, nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    """Somebody with the plain client, who can do what the bus does not offer."""
    client = await nats.connect(nats_server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
    yield client
    await client.close()


class Reading:
    """A reader in a task of its own, and what it saw."""

    def __init__(self, bus: NatsBus, *, after: int = 0, filters: tuple[str, ...] = ()) -> None:
        self.seen: list[Stored] = []
        self._news = asyncio.Condition()
        self.task = asyncio.create_task(self._read(bus, after, filters))

    async def _read(self, bus: NatsBus, after: int, filters: tuple[str, ...]) -> None:
        async with aclosing(bus.read(SENSES, after=after, filters=filters)) as messages:  # type: ignore[type-var]
            async for message in messages:
                async with self._news:
                    self.seen.append(message)
                    self._news.notify_all()

    async def until(self, count: int) -> list[int]:
        """The positions, as soon as there are so many."""
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: len(self.seen) >= count)
        return [message.seq for message in self.seen]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def write(bus: NatsBus, count: int) -> None:
    for _ in range(count):
        await bus.append(WAVE, b"x")


async def delete_consumers(person: Client) -> None:
    """What the reader made is gone, without anybody telling it."""
    manager = person.jsm()
    for consumer in await manager.consumers_info(SENSES):
        await manager.delete_consumer(SENSES, consumer.name)


async def started(bus: NatsBus, person: Client, *, after: int = 0) -> Reading:
    """A reader that waits, its consumer made."""
    made = await person.subscribe(CREATED)
    await person.flush()
    reading = Reading(bus, after=after)
    await made.next_msg(timeout=10)
    await made.unsubscribe()
    return reading


async def test_a_kill_of_the_server_between_messages_is_survived(
    bus: NatsBus, nats_server: EmbeddedNats
) -> None:
    await write(bus, 50)
    reading = Reading(bus)
    await reading.until(50)
    for round_ in (2, 3):
        await crash_and_restart(nats_server)
        await asyncio.wait_for(_surely_write(bus, 50), 30)
        assert await reading.until(round_ * 50) == list(range(1, round_ * 50 + 1))
    await reading.stop()


async def _surely_write(bus: NatsBus, count: int) -> None:
    """Append so many more, however often the server is away; the ids make repeats harmless."""
    base = 0
    for number in range(count):
        while True:
            try:
                base = base or await bus.last_seq(SENSES)
                await bus.append(WAVE, b"x", message_id=f"{base}-{number}")
                break
            except TryAgainError:
                await asyncio.sleep(0.05)


async def test_a_kill_of_the_server_in_the_middle_of_a_burst_is_survived(
    bus: NatsBus, nats_server: EmbeddedNats
) -> None:
    for _ in range(4999):
        await bus.publish(WAVE, b"x")
    last = await bus.append(WAVE, b"last")  # stored when all before it are
    assert last == 5000
    reading = Reading(bus)
    await reading.until(100)
    await crash_and_restart(nats_server)
    assert await reading.until(last) == list(range(1, last + 1))
    await reading.stop()


async def test_a_restart_while_nothing_was_read_yet_loses_nothing(
    bus: NatsBus, person: Client, nats_server: EmbeddedNats
) -> None:
    reading = await started(bus, person)
    await crash_and_restart(nats_server)
    await _surely_write(bus, 3)
    assert await reading.until(3) == [1, 2, 3]
    await reading.stop()


async def test_a_restart_while_nothing_was_read_yet_repeats_nothing(
    bus: NatsBus, person: Client, nats_server: EmbeddedNats
) -> None:
    await write(bus, 5)
    reading = await started(bus, person, after=5)
    await crash_and_restart(nats_server)
    await _surely_write(bus, 2)
    assert await reading.until(2) == [6, 7]
    await reading.stop()


async def test_a_server_that_is_away_for_longer_is_waited_for(bus: NatsBus, nats_server: EmbeddedNats) -> None:
    await write(bus, 3)
    reading = Reading(bus)
    await reading.until(3)
    with logged(ANEW, by="shared.v1.nats_reader") as anew:
        await crash(nats_server)
        await asyncio.wait_for(anew.wait(), 10)
    await nats_server.start()
    await _surely_write(bus, 3)
    assert await reading.until(6) == [1, 2, 3, 4, 5, 6]
    await reading.stop()


async def test_a_server_that_stands_still_is_waited_for(bus: NatsBus, nats_server: EmbeddedNats) -> None:
    await write(bus, 3)
    reading = Reading(bus)
    await reading.until(3)
    assert nats_server.pid is not None
    with logged(ANEW, by="shared.v1.nats_reader") as anew:
        os.kill(nats_server.pid, signal.SIGSTOP)
        try:
            await asyncio.wait_for(anew.wait(), 10)
        finally:
            os.kill(nats_server.pid, signal.SIGCONT)
    await write(bus, 3)
    assert await reading.until(6) == [1, 2, 3, 4, 5, 6]
    await reading.stop()


async def test_a_consumer_deleted_before_the_first_message_is_made_again(bus: NatsBus, person: Client) -> None:
    await write(bus, 5)
    reading = await started(bus, person, after=5)
    await delete_consumers(person)
    await write(bus, 5)
    assert await reading.until(5) == [6, 7, 8, 9, 10]
    await reading.stop()


async def test_a_consumer_deleted_in_the_middle_is_made_again(bus: NatsBus, person: Client) -> None:
    await write(bus, 10)
    reading = Reading(bus)
    await reading.until(10)
    for count in (20, 30):
        await delete_consumers(person)
        await write(bus, 10)
        assert await reading.until(count) == list(range(1, count + 1))
    await reading.stop()


async def test_messages_that_were_deleted_are_no_gap(bus: NatsBus, person: Client) -> None:
    await write(bus, 10)
    manager = person.jsm()
    for seq in (1, 4, 5, 9):
        await manager.delete_msg(SENSES, seq)
    with logged(ANEW, by="shared.v1.nats_reader") as anew:
        reading = Reading(bus)
        assert await reading.until(6) == [2, 3, 6, 7, 8, 10]
        await manager.delete_msg(SENSES, 10)
        await write(bus, 1)
        assert (await reading.until(7))[-1] == 11
    assert not anew.is_set()
    await reading.stop()


async def test_a_purge_before_and_while_reading_is_no_gap(bus: NatsBus, person: Client) -> None:
    await write(bus, 10)
    manager = person.jsm()
    await manager.purge_stream(SENSES, seq=6)
    reading = Reading(bus)
    assert await reading.until(5) == [6, 7, 8, 9, 10]
    await manager.purge_stream(SENSES)
    await write(bus, 2)
    assert await reading.until(7) == [6, 7, 8, 9, 10, 11, 12]
    await reading.stop()


async def test_a_reader_may_begin_after_what_was_purged(bus: NatsBus, person: Client) -> None:
    await write(bus, 10)
    await person.jsm().purge_stream(SENSES)
    reading = Reading(bus, after=10)
    await write(bus, 1)
    assert await reading.until(1) == [11]
    await reading.stop()


async def test_a_burst_that_is_faster_than_the_reader_is_read_whole(bus: NatsBus, person: Client) -> None:
    count = 20_000

    async def burst() -> None:
        for number in range(count):
            await person.publish(WAVE, b"%d" % number)
        await person.flush()

    bursting = asyncio.create_task(burst())
    position = 0
    async with asyncio.timeout(60), aclosing(bus.read(SENSES, after=0)) as messages:  # type: ignore[type-var]
        async for message in messages:
            assert message.seq == position + 1
            assert message.body == b"%d" % position
            position = message.seq
            if position == count:
                break
            if position % 100 == 0:
                await asyncio.sleep(0)  # give the writer its turns
    await bursting


async def test_of_several_filters_each_is_read_and_others_are_no_gap(bus: NatsBus) -> None:
    tick = "dev.nervous.thalamus.tick"
    for subject in (WAVE, OTHER, tick, OTHER, WAVE, tick):
        await bus.append(subject, b"{}")
    one = Reading(bus, filters=(WAVE,))
    two = Reading(bus, filters=(WAVE, tick))
    assert await one.until(2) == [1, 5]
    assert await two.until(4) == [1, 3, 5, 6]
    await one.stop()
    await two.stop()


async def test_a_stream_that_ends_before_what_was_read_is_another_stream(bus: NatsBus) -> None:
    await write(bus, 3)
    with pytest.raises(WrongPeerError, match="ends at 3, but 7 was already read"):
        await anext(bus.read(SENSES, after=7))


async def test_a_stream_that_was_made_again_is_another_stream(bus: NatsBus, person: Client) -> None:
    await write(bus, 2)
    reading = Reading(bus)
    await reading.until(2)
    await person.jsm().delete_stream(SENSES)
    await bus.apply(streams_of("dev"))
    await write(bus, 5)
    async with asyncio.timeout(10):
        with pytest.raises(WrongPeerError, match="deleted and made again"):
            await reading.task
    assert [message.seq for message in reading.seen] == [1, 2]


async def test_a_stream_that_is_not_there_yet_is_waited_for(bus: NatsBus, person: Client) -> None:
    await person.jsm().delete_stream(SENSES)
    with logged(ANEW, by="shared.v1.nats_reader") as anew:
        reading = Reading(bus)
        await asyncio.wait_for(anew.wait(), 10)
    await bus.apply(streams_of("dev"))
    await write(bus, 1)
    assert await reading.until(1) == [1]
    await reading.stop()


async def test_no_consumer_is_left_behind(bus: NatsBus, person: Client) -> None:
    await write(bus, 1)
    async with aclosing(bus.read(SENSES, after=0)) as messages:  # type: ignore[type-var]
        await anext(messages)
        assert len(await person.jsm().consumers_info(SENSES)) == 1
    with suppress(NotFoundError):
        assert await person.jsm().consumers_info(SENSES) == []


async def test_an_impatient_connection_that_is_lost_ends_the_reading(
    nats_server: EmbeddedNats, bus: NatsBus
) -> None:
    command = await NatsBus.connect(Settings(nats_url=nats_server.url), name="command", patient=False)
    reading = Reading(command)
    await write(bus, 1)
    await reading.until(1)
    await crash(nats_server)
    async with asyncio.timeout(10):
        with pytest.raises(TryAgainError, match="connection to the NATS server was lost"):
            await reading.task
    await command.close()


def with_header(header: bytes) -> bytes:
    """The command of the protocol that publishes an empty wave with these bytes as its header."""
    return b"HPUB %b %d %d\r\n%b\r\n" % (WAVE.encode(), len(header), len(header), header)


HOSTILE = {
    "a subject that is no UTF-8": b"PUB dev.nervous.cells.\xff\xfe.wave 2\r\n{}\r\n",
    "a header that says 404": with_header(b"NATS/1.0\r\nStatus: 404\r\n\r\n"),
    "a header that says 100": with_header(b"NATS/1.0\r\nStatus: 100\r\n\r\n"),
    "a status in line": with_header(b"NATS/1.0 503\r\n\r\n"),
    "a status that is no text": with_header(b"NATS/1.0 503 \xff\r\n\r\n"),
    "a header without an end": with_header(b"NATS/1.0"),
    "a header that is none": with_header(b"X"),
    "names and values that are no text": with_header(b"NATS/1.0\r\n\xff: \xfe\r\nA:\xff\r\n\r\n"),
    "another place in the stream": with_header(b"NATS/1.0\r\nNats-Sequence: 77\r\n\r\n"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_one_message_that_a_stranger_wrote_stops_nobody(
    bus: NatsBus, nats_server: EmbeddedNats, kind: str
) -> None:
    await write(bus, 1)
    async with stranger(nats_server) as writer:
        writer.write(HOSTILE[kind])
        await writer.drain()
        async with asyncio.timeout(10), aclosing(bus.read(SENSES, after=0)) as messages:  # type: ignore[type-var]
            first, strange = await anext(messages), await anext(messages)
            await write(bus, 1)
            last = await anext(messages)
    assert [message.seq for message in (first, strange, last)] == [1, 2, 3]
    direct = await bus.get(SENSES, 2)
    assert direct is not None
    assert (direct.seq, direct.subject, direct.body) == (2, strange.subject, strange.body)


@asynccontextmanager
async def stranger(server: EmbeddedNats) -> AsyncIterator[asyncio.StreamWriter]:
    """A connection that says whatever it wants."""
    host, port = server.url.removeprefix("nats://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
    try:
        yield writer
    finally:
        writer.close()
        await writer.wait_closed()
