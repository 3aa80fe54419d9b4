"""The bus through everything that happens to servers: kills, restarts, absence, refusals."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from console.embedded import EmbeddedNats
from shared.v1 import bus_nats
from shared.v1.answers import AnswerLog
from shared.v1.bus import Bus, Endpoint, Message, Outgoing, Service
from shared.v1.bus_nats import NatsBus, connected
from shared.v1.errors import FencedError, RefusedError, TryAgainError
from shared.v1.manifest import Manifest
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.streams import (
    COGNITION,
    DECISIONS,
    HEARTBEATS,
    SENSES,
    ConsumerSpec,
    StreamSpec,
    nyx_consumer,
    streams_of,
)
from tests.integration.waiting import crash, crash_and_restart, logged

WAVE = "dev.nervous.cells.math.wave"
REQUEST = "dev.cognitive.nyx.request"
RESPONSE = "dev.cognitive.nyx.response"
MANIFEST = Manifest(name="tiny", version="1.0.0", kind="service", description="")
WORK = replace(nyx_consumer("dev"), ack_wait_s=0.5)


def streams_with(consumer: ConsumerSpec) -> list[StreamSpec]:
    return [
        replace(spec, consumers=(consumer,)) if spec.name == consumer.stream else spec
        for spec in streams_of("dev")
    ]


@pytest.fixture
async def bus(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsBus]:
    monkeypatch.setattr(bus_nats, "_ACK_S", 1.0)
    monkeypatch.setattr(bus_nats, "_FETCH_S", 0.3)
    made = await NatsBus.connect(settings, name="test")
    await made.apply(streams_with(WORK))
    yield made
    await made.close()


@pytest.fixture
async def person(nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    """Somebody with the plain client."""
    client = await nats.connect(nats_server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
    yield client
    await client.close()


@pytest.fixture
def context(bus: NatsBus) -> Context:
    return Context(MANIFEST, Settings(), bus)


async def back(bus: Bus) -> None:
    """Return when the server answers again."""
    async with asyncio.timeout(20):
        while True:
            try:
                await bus.last_seq(SENSES)
            except TryAgainError:
                await asyncio.sleep(0.02)
            else:
                return


async def test_what_was_appended_survives_a_kill(bus: NatsBus, nats_server: EmbeddedNats) -> None:
    for number in range(20):
        await bus.append(WAVE, b"%d" % number)
    await crash_and_restart(nats_server)
    await back(bus)
    assert await bus.last_seq(SENSES) == 20
    last = await bus.get(SENSES, 20)
    assert last is not None
    assert last.body == b"19"


async def test_the_last_heartbeats_survive_a_kill(bus: NatsBus, nats_server: EmbeddedNats) -> None:
    subject = "dev.nervous.cells.math.heartbeat"
    await bus.append(subject, b"alive")
    await crash_and_restart(nats_server)
    await back(bus)
    heartbeat = await bus.last_on(HEARTBEATS, subject)
    assert heartbeat is not None
    assert heartbeat.body == b"alive"


async def test_a_repeated_call_goes_through_when_the_server_is_back(
    bus: NatsBus, context: Context, nats_server: EmbeddedNats
) -> None:
    await crash(nats_server)
    appending = asyncio.create_task(context.surely(lambda: bus.append(WAVE, b"a", message_id="a")))
    with pytest.raises(TryAgainError):
        await bus.append(WAVE, b"a", message_id="a")
    await nats_server.start()
    async with asyncio.timeout(20):
        await appending
    assert await bus.last_seq(SENSES) == 1


async def test_a_batch_for_an_absent_server_is_stored_once_or_not_at_all(
    bus: NatsBus, nats_server: EmbeddedNats
) -> None:
    batch = [
        Outgoing(subject=f"dev.nervous.thalamus.math.{kind}", body=b"{}")
        for kind in ("transition", "escalation", "correlation")
    ]
    await crash(nats_server)
    with pytest.raises(TryAgainError):
        await bus.append_all(batch, last=0)
    await nats_server.start()
    await back(bus)
    with suppress(FencedError):  # if the client had kept the first batch and sent it when the server was back
        assert await bus.append_all(batch, last=0) == 3
    assert await bus.last_seq(DECISIONS) == 3


async def test_work_that_was_held_at_the_kill_comes_again(bus: NatsBus, nats_server: EmbeddedNats) -> None:
    await bus.append(REQUEST, b"think")
    async with asyncio.timeout(20), aclosing(bus.consume(WORK)) as deliveries:  # type: ignore[type-var]
        first = await anext(deliveries)
        await crash_and_restart(nats_server)
        again = await anext(deliveries)
        assert again.message == first.message  # a killed server may have forgotten to have sent it before
        await again.ack()
        await bus.append(REQUEST, b"more")
        assert (await anext(deliveries)).message.body == b"more"


async def test_work_that_is_asked_for_while_the_server_is_away_comes_when_it_is_back(
    bus: NatsBus, nats_server: EmbeddedNats
) -> None:
    await bus.append(REQUEST, b"think")
    with logged("connection lost", by="shared.v1.nats_client") as lost:
        await crash(nats_server)
        await asyncio.wait_for(lost.wait(), 10)
    async with asyncio.timeout(20), aclosing(bus.consume(WORK)) as deliveries:  # type: ignore[type-var]
        waiting = asyncio.ensure_future(anext(deliveries))
        await nats_server.start()
        assert (await waiting).message.body == b"think"


async def test_a_worker_that_holds_nothing_gives_its_place_to_the_next(bus: NatsBus) -> None:
    await bus.append(REQUEST, b"think")
    async with asyncio.timeout(20):
        async with aclosing(bus.consume(WORK)) as deliveries:  # type: ignore[type-var]
            await anext(deliveries)
        async with aclosing(bus.consume(WORK)) as deliveries:  # type: ignore[type-var]
            assert (await anext(deliveries)).attempt == 2


async def test_a_durable_consumer_deleted_behind_its_back_is_told_and_waited_for(
    bus: NatsBus, person: Client
) -> None:
    async with asyncio.timeout(20), aclosing(bus.consume(WORK)) as deliveries:  # type: ignore[type-var]
        await person.jsm().delete_consumer(COGNITION, WORK.name)
        await bus.append(REQUEST, b"think")
        with logged("no work can be fetched", by="shared.v1.bus_nats") as told:
            waiting = asyncio.ensure_future(anext(deliveries))
            await told.wait()
        await bus.apply(streams_with(WORK))
        assert (await waiting).message.body == b"think"


async def double(message: Message) -> bytes:
    return str(2 * int(message.body)).encode()


DOUBLE = "dev.nervous.cells.tiny.request"
SERVICE = Service(
    name="tiny",
    version="1.0.0",
    description="doubles",
    endpoints=[Endpoint(name="request", subject=DOUBLE, handler=double)],
)


async def test_a_service_answers_again_and_asking_goes_through(
    bus: NatsBus, context: Context, settings: Settings, nats_server: EmbeddedNats
) -> None:
    await bus.serve(SERVICE)
    asker = await NatsBus.connect(settings, name="asker")
    assert (await asker.request(DOUBLE, b"4", timeout_s=5)).body == b"8"
    await crash_and_restart(nats_server)
    async with asyncio.timeout(20):
        answer = await context.surely(lambda: asker.request(DOUBLE, b"21", timeout_s=0.5))
    assert answer.body == b"42"
    await asker.close()


async def test_a_subscriber_hears_again(bus: NatsBus, nats_server: EmbeddedNats, settings: Settings) -> None:
    speaker = await NatsBus.connect(settings, name="speaker")
    async with asyncio.timeout(20), bus.subscribe("dev.nervous.>") as messages:
        await crash_and_restart(nats_server)
        await back(bus)
        await back(speaker)
        await speaker.publish("dev.nervous.cells.math.response", b"42")
        assert (await anext(messages)).body == b"42"
    await speaker.close()


async def test_a_service_that_cannot_be_registered_whole_leaves_nothing_behind(
    bus: NatsBus, person: Client
) -> None:
    bad = replace(
        SERVICE, endpoints=[*SERVICE.endpoints, Endpoint(name="b", subject="not a subject", handler=double)]
    )
    with pytest.raises(ValueError, match="subject"):
        await bus.serve(bad)
    with pytest.raises(nats.errors.NoRespondersError):
        await person.request("$SRV.PING.tiny", b"", timeout=2)
    with pytest.raises(TryAgainError, match="nobody answers"):
        await bus.request(DOUBLE, b"1", timeout_s=2)
    await bus.serve(SERVICE)
    assert json.loads((await person.request("$SRV.PING.tiny", b"", timeout=2)).data)["name"] == "tiny"


async def test_a_service_that_could_answer_later_says_so(bus: NatsBus) -> None:
    async def away(_: Message) -> bytes:
        raise TryAgainError("the model is\nloading")

    endpoint = Endpoint(name="request", subject=DOUBLE, handler=away)
    await bus.serve(replace(SERVICE, endpoints=[endpoint]))
    with pytest.raises(TryAgainError, match="the model is loading"):
        await bus.request(DOUBLE, b"1", timeout_s=5)


async def test_a_message_too_large_with_its_headers_is_refused_and_the_connection_stays(bus: NatsBus) -> None:
    body = b"x" * (bus.max_body - 10)
    with pytest.raises(RefusedError, match="larger than the server takes") as refusal:
        await bus.append(WAVE, body, message_id="a")
    assert refusal.value.code == 413
    assert await bus.append(WAVE, body) == 1


async def test_an_error_of_the_server_costs_a_connection_and_not_the_process(bus: NatsBus) -> None:
    with logged("connection is back", by="shared.v1.nats_client") as is_back:
        await bus.publish("x" * 5000, b"more than the server takes as one line of the protocol")
        async with asyncio.timeout(10):
            await is_back.wait()
    assert await bus.append(WAVE, b"a") == 1


async def test_answers_are_appended_although_the_older_ones_were_purged(bus: NatsBus, person: Client) -> None:
    answers = AnswerLog(bus, COGNITION, RESPONSE)
    for body in (b"a", b"b"):
        question = await bus.get(COGNITION, await bus.append(REQUEST, body))
        assert question is not None
        assert await answers.find(question) is None
        try:
            await answers.append(question, b"answer")
        except FencedError:  # because of the purge; whoever asks again looks again
            assert await answers.find(question) is None
            await answers.append(question, b"answer")
        assert await answers.find(question) is not None
        await person.jsm().purge_stream(COGNITION)


async def test_a_command_hears_at_once_that_there_is_no_server(nats_server: EmbeddedNats) -> None:
    await nats_server.stop()
    async with asyncio.timeout(5):
        with pytest.raises(
            TryAgainError, match=r"no NATS server answers at .*: start one with `nimmerverse up`"
        ):
            async with connected(Settings(nats_url=nats_server.url), name="command"):
                pass


async def test_a_process_says_that_it_waits_and_connects_when_the_server_comes(
    nats_server: EmbeddedNats,
) -> None:
    await nats_server.stop()
    with logged("waiting for a server", by="shared.v1.nats_client") as waits:
        connecting = asyncio.create_task(NatsBus.connect(Settings(nats_url=nats_server.url), name="patient"))
        async with asyncio.timeout(10):
            await waits.wait()
            await nats_server.start()
            bus = await connecting
    assert await bus.apply(streams_of("dev"))
    await bus.close()


class GuardedNats(EmbeddedNats):
    """A server that lets in nobody but `me`."""

    def _config(self, ports: Path) -> str:
        users = {"authorization": {"user": "me", "password": "secret"}}
        return json.dumps({**json.loads(super()._config(ports)), **users})


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    server = GuardedNats(tmp_path / "guarded")
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("patient", [True, False])
async def test_who_is_not_let_in_hears_it_at_once_and_no_password_is_shown(
    guarded: EmbeddedNats, patient: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "shared")
    url = guarded.url.replace("//", "//me:wrong@")
    async with asyncio.timeout(5):
        with pytest.raises(RefusedError, match="does not accept these credentials") as refusal:
            await NatsBus.connect(Settings(nats_url=url), name="stranger", patient=patient)
    assert refusal.value.code == 403
    assert "wrong" not in refusal.value.reason + caplog.text


async def test_a_user_in_the_address_is_let_in(guarded: EmbeddedNats) -> None:
    url = guarded.url.replace("//", "//me:secret@")
    async with connected(Settings(nats_url=url), name="me") as bus:
        assert bus.server_version


async def test_credentials_that_cannot_be_read_are_refused_with_their_path(
    nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    missing = tmp_path / "nobody.creds"
    with pytest.raises(RefusedError, match=r"NATS_CREDS is '.*nobody\.creds', which cannot be read"):
        await NatsBus.connect(Settings(nats_url=nats_server.url, nats_creds=str(missing)), name="nobody")


async def test_a_lost_connection_of_a_command_ends_what_it_waits_for(
    bus: NatsBus, nats_server: EmbeddedNats
) -> None:
    command = await NatsBus.connect(Settings(nats_url=nats_server.url), name="command", patient=False)
    async with asyncio.timeout(20), command.subscribe("dev.>") as messages:
        hearing = asyncio.ensure_future(anext(messages))
        fetching = asyncio.ensure_future(anext(command.consume(WORK)))
        await crash(nats_server)
        for waiting in (hearing, fetching):
            with pytest.raises(TryAgainError, match="connection to the NATS server was lost"):
                await waiting
    await command.close()


async def test_leaving_says_nothing_of_a_lost_connection(
    nats_server: EmbeddedNats, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await NatsBus.connect(Settings(nats_url=nats_server.url), name="short")
    await bus.close()
    await bus.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_was_published_before_leaving_arrives(bus: NatsBus, nats_server: EmbeddedNats) -> None:
    leaving = await NatsBus.connect(Settings(nats_url=nats_server.url), name="leaving")
    for number in range(1000):
        await leaving.publish(WAVE, b"%d" % number)
    await leaving.close()
    async with asyncio.timeout(10), aclosing(bus.read(SENSES, after=0)) as messages:  # type: ignore[type-var]
        bodies = [(await anext(messages)).body for _ in range(1000)]
    assert bodies == [b"%d" % number for number in range(1000)]
