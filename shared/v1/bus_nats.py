"""The bus on a real NATS server.

`nats_client` connects, `nats_errors` translates what can go wrong, `nats_streams` applies the declaration,
`nats_reader` reads streams; the rest of what nats-py does for us is here."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self
from uuid import uuid4

import nats.aio.msg
import nats.errors
from nats.js import JetStreamContext, api
from nats.micro import add_service
from nats.micro.request import Request, ServiceError
from nats.micro.service import EndpointConfig, ServiceConfig
from nats.micro.service import Service as MicroService

from shared.v1.bus import (
    BUSY,
    MESSAGE_ID,
    NO_HEADERS,
    SERVICE_ERROR,
    SERVICE_ERROR_CODE,
    Delivery,
    Endpoint,
    Message,
    Outgoing,
    Service,
    Stored,
    lineage,
)
from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.nats_client import SteadyClient, connect_client
from shared.v1.nats_delivery import delivery_of
from shared.v1.nats_errors import quiet, text_of, translated
from shared.v1.nats_reader import read_stream
from shared.v1.nats_stores import NatsStores
from shared.v1.nats_streams import apply_streams
from shared.v1.settings import Settings
from shared.v1.streams import ConsumerSpec, StreamChange, StreamSpec

log = logging.getLogger(__name__)

EXPECTED_LAST = "Nats-Expected-Last-Sequence"
EXPECTED_LAST_ON_SUBJECT = "Nats-Expected-Last-Subject-Sequence"
BATCH_ID = "Nats-Batch-Id"
BATCH_SEQUENCE = "Nats-Batch-Sequence"
BATCH_COMMIT = "Nats-Batch-Commit"

_FETCH_S = 1.5  # a pull request lost with its server is repeated after this
_RETRY_S = 0.2
_ACK_S = 5.0


class NatsBus:
    """A connection to a NATS server; it reconnects for ever. Made by `connect`."""

    def __init__(self, client: SteadyClient) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=_ACK_S)
        self.stores = NatsStores(self._js)
        self._stopping = asyncio.Event()
        self._services: list[MicroService] = []

    @classmethod
    async def connect(cls, settings: Settings, *, name: str, patient: bool = True) -> Self:
        """Connect to `settings.nats_url`.

        A patient caller (a long-running process) waits until a server is there; an impatient one
        (a command) gets TryAgainError at once. RefusedError: the server does not let us in.
        """
        return cls(await connect_client(settings, name=name, patient=patient))

    @property
    def max_body(self) -> int:
        return self._client.max_payload

    @property
    def server_version(self) -> str:
        """Version of the connected server."""
        found = self._client.connected_server_version
        return f"{found.major}.{found.minor}.{found.patch}"

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str] = NO_HEADERS) -> None:
        with translated():
            await self._client.publish(subject, body, headers=dict(headers) or None)

    async def append(
        self,
        subject: str,
        body: bytes,
        *,
        message_id: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        last_on_subject: int | None = None,
    ) -> int:
        all_headers = dict(headers)
        if message_id:
            all_headers[MESSAGE_ID] = message_id
        if last_on_subject is not None:
            all_headers[EXPECTED_LAST_ON_SUBJECT] = str(last_on_subject)
        with translated(subject):
            ack = await self._js.publish(subject, body, headers=all_headers or None)
        return ack.seq

    async def append_all(self, messages: Sequence[Outgoing], *, last: int) -> int:
        first, *others = messages
        headers = {**first.headers, EXPECTED_LAST: str(last)}
        if not others:
            with translated(first.subject):
                return (await self._js.publish(first.subject, first.body, headers=headers)).seq
        batch = uuid4().hex
        headers |= {BATCH_ID: batch, BATCH_SEQUENCE: "1"}
        with translated(first.subject):
            await self._client.publish(first.subject, first.body, headers=headers)
            for position, message in enumerate(others, start=2):
                headers = {**message.headers, BATCH_ID: batch, BATCH_SEQUENCE: str(position)}
                if position < len(messages):
                    await self._client.publish(message.subject, message.body, headers=headers)
            headers[BATCH_COMMIT] = "1"
            # The server checks the expectation and stores all or nothing when the last message commits.
            return (await self._js.publish(message.subject, message.body, headers=headers)).seq

    @asynccontextmanager
    async def subscribe(self, pattern: str) -> AsyncIterator[AsyncIterator[Message]]:
        arrived: asyncio.Queue[nats.aio.msg.Msg | None] = asyncio.Queue()
        with translated():
            subscription = await self._client.subscribe(
                pattern, cb=arrived.put, pending_msgs_limit=-1, pending_bytes_limit=-1
            )
            # Without the round trip a message published by another connection right now could be missed.
            await self._client.flush()
        try:
            yield self._messages(arrived)
        finally:
            if not self._client.is_closed:
                await subscription.unsubscribe()

    async def _messages(self, arrived: asyncio.Queue[nats.aio.msg.Msg | None]) -> AsyncIterator[Message]:
        ends = [asyncio.create_task(event.wait()) for event in (self._stopping, self._client.lost)]
        for end in ends:
            end.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            while (message := await arrived.get()) is not None:
                yield _message(message)
            self._raise_if_lost()
        finally:
            for end in ends:
                end.cancel()

    async def request(
        self, subject: str, body: bytes, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS
    ) -> Message:
        with translated():
            try:
                answer = await self._client.request(
                    subject, body, timeout=timeout_s, headers=dict(headers) or None
                )
            except nats.errors.NoRespondersError:
                raise TryAgainError(f"nobody answers on {subject}: is that unit running?") from None
        message = _message(answer)
        if SERVICE_ERROR in message.headers:
            reason, code = message.headers[SERVICE_ERROR], message.headers.get(SERVICE_ERROR_CODE, "")
            if code == str(BUSY):
                raise TryAgainError(reason)
            raise RefusedError(reason, code=int(code) if code.isdecimal() else 500)
        return message

    async def serve(self, service: Service) -> None:
        config = ServiceConfig(
            name=service.name,
            version=service.version,
            description=service.description,
            metadata=dict(service.metadata),
        )
        with translated():
            micro = await add_service(self._client, config)
            try:
                for endpoint in service.endpoints:
                    await micro.add_endpoint(
                        EndpointConfig(
                            name=endpoint.name,
                            subject=endpoint.subject,
                            handler=self._handler(endpoint),
                            metadata=dict(endpoint.metadata),
                        )
                    )
                await self._client.flush()
            except BaseException:  # whoever repeats the call must not find half of a service beside the new one
                with quiet():
                    await micro.stop()
                raise
            self._services.append(micro)

    def _handler(self, endpoint: Endpoint):  # type: ignore[no-untyped-def]  # nats-py's type is not exported
        async def handle(request: Request) -> None:
            message = _message(request._msg)
            try:
                answer = await endpoint.handler(message)
            except (RefusedError, TryAgainError) as error:
                if not message.reply:  # a plain publish: nobody waits, and nats-py could not answer
                    log.warning("request refused", extra={"action": "refused", "reason": str(error)})
                    return
                code = error.code if isinstance(error, RefusedError) else BUSY
                raise ServiceError(str(code), _one_line(str(error))) from None
            if message.reply:
                await request.respond(answer)
            if endpoint.copy_to:
                await self.publish(endpoint.copy_to, answer, headers=lineage(message.headers))

        return handle

    def read(self, stream: str, *, after: int, filters: Sequence[str] = ()) -> AsyncIterator[Stored]:
        return read_stream(self._client, self._js, stream, after, tuple(filters), self._stopping)

    async def consume(self, consumer: ConsumerSpec) -> AsyncIterator[Delivery]:
        with translated():
            subscription = await self._js.pull_subscribe_bind(durable=consumer.name, stream=consumer.stream)
        stop = asyncio.create_task(self._stopping.wait())
        fetch: asyncio.Task[list[nats.aio.msg.Msg]] | None = None
        told = ""  # the trouble that was told last, because it repeats
        try:
            while not stop.done():
                fetch = asyncio.create_task(subscription.fetch(1, timeout=_FETCH_S))
                await asyncio.wait({fetch, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not fetch.done():
                    break  # what the server may have sent this instant comes again after ack_wait
                try:
                    [msg] = fetch.result()
                except (TimeoutError, nats.errors.TimeoutError):
                    continue
                except (nats.errors.Error, OSError) as error:
                    self._raise_if_lost()
                    if text_of(error) != told:
                        told = text_of(error)
                        where = f"{consumer.stream}/{consumer.name}"
                        log.warning(
                            "no work can be fetched",
                            extra={"action": "fetch_failed", "consumer": where, "error": told},
                        )
                    await asyncio.sleep(_RETRY_S)
                    continue
                told = ""
                yield delivery_of(msg, consumer.max_deliver)
        finally:
            stop.cancel()
            if fetch is not None:
                fetch.cancel()
                await asyncio.gather(fetch, return_exceptions=True)
            if not self._client.is_closed:
                await subscription.unsubscribe()

    def _raise_if_lost(self) -> None:
        """An impatient connection does not come back; what waits on it must hear that."""
        if self._client.lost.is_set() and not self._stopping.is_set():
            raise TryAgainError("the connection to the NATS server was lost")

    async def get(self, stream: str, seq: int) -> Stored | None:
        with translated():
            return await self._direct_get(stream, {"seq": seq})

    async def next_on(
        self, stream: str, subject: str, *, since: int = 1, since_ms: int | None = None
    ) -> Stored | None:
        query: dict[str, object] = {"next_by_subj": subject}
        if since_ms is None:
            query["seq"] = since
        else:
            query["start_time"] = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat()
        with translated():
            return await self._direct_get(stream, query)

    async def last_on(self, stream: str, subject: str) -> Stored | None:
        with translated():
            return await self._direct_get(stream, {"last_by_subj": subject})

    async def _direct_get(self, stream: str, query: dict[str, object]) -> Stored | None:
        try:
            answer = await self._client.request(
                f"$JS.API.DIRECT.GET.{stream}", json.dumps(query).encode(), timeout=_ACK_S
            )
        except nats.errors.NoRespondersError:
            raise TryAgainError(f"the stream {stream} is not there: run `nimmerverse streams apply`") from None
        headers = dict(answer.headers or {})
        # A stored message may carry any header, `Status` too; only an error has no position.
        if "Nats-Sequence" not in headers:
            status = headers.get("Status", "")
            if status == "404":
                return None
            raise RefusedError(
                f"the stream {stream} does not give {query} ({headers.get('Description', status)})"
            )
        return Stored(
            subject=headers["Nats-Subject"],
            body=answer.data,
            headers={key: value for key, value in headers.items() if key not in _DIRECT_HEADERS},
            stream=stream,
            seq=int(headers["Nats-Sequence"]),
            at_ms=_milliseconds(headers["Nats-Time-Stamp"]),
        )

    async def last_seq(self, stream: str) -> int:
        with translated():
            return (await self._js.stream_info(stream)).state.last_seq

    async def acked_up_to(self, consumer: ConsumerSpec) -> int:
        with translated():
            floor = (await self._js.consumer_info(consumer.stream, consumer.name)).ack_floor
        return floor.stream_seq if floor else 0

    async def apply(self, streams: Sequence[StreamSpec], *, dry_run: bool = False) -> list[StreamChange]:
        with translated():
            return await apply_streams(self._js, streams, dry_run=dry_run)

    async def stop_reading(self) -> None:
        self._stopping.set()

    async def close(self) -> None:
        self._stopping.set()
        if self._client.is_closed:
            return
        if self._client.is_connected:
            with quiet():
                for service in self._services:
                    await service.stop()
                await self._client.flush(timeout=2)
        await self._client.close()


_DIRECT_HEADERS = frozenset({"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp"})


@asynccontextmanager
async def connected(settings: Settings, *, name: str) -> AsyncIterator[NatsBus]:
    """A bus for the length of a command: TryAgainError if no server answers."""
    bus = await NatsBus.connect(settings, name=name, patient=False)
    try:
        yield bus
    finally:
        await bus.close()


def _message(msg: nats.aio.msg.Msg) -> Message:
    return Message(subject=msg.subject, body=msg.data, headers=dict(msg.headers or {}), reply=msg.reply)


def _milliseconds(rfc3339: str) -> int:
    """2026-01-31T12:00:00.123456789Z → UTC milliseconds, cut like the reader cuts nanoseconds."""
    whole, _, fraction = rfc3339.removesuffix("Z").partition(".")
    seconds = int(api.Base._parse_utc_iso(whole + "Z").timestamp())
    return seconds * 1000 + int((fraction + "000")[:3])


def _one_line(text: str) -> str:
    """A header ends at the line's end."""
    return " ".join(text.split())
