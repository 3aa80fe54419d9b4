"""The bus inside one process: for tests of cells and for trying a unit without any server.

It keeps the promises of `bus.Bus` that units rely on (order, positions, fences, redelivery), not those of
a server: nothing survives the process, and limits of streams are not enforced.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.v1.bus import (
    MESSAGE_ID,
    NO_HEADERS,
    Delivery,
    Endpoint,
    Message,
    Outgoing,
    Service,
    Stored,
    lineage,
)
from shared.v1.errors import FencedError, RefusedError, TryAgainError, WrongPeerError
from shared.v1.streams import Change, ConsumerSpec, StreamChange, StreamSpec

_MAX_BODY = 1024 * 1024


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Place:
    """Where a durable consumer stands."""

    attempts: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Stream:
    spec: StreamSpec
    log: list[Stored] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    places: dict[str, _Place] = field(default_factory=dict)


@dataclass(slots=True)
class _MemoryDelivery:
    _bus: "MemoryBus"
    _place: _Place
    _max_deliver: int
    message: Stored
    attempt: int

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= self._max_deliver

    async def working(self) -> None:
        pass  # nothing here runs out of patience

    async def ack(self) -> None:
        self._place.done.add(self.message.seq)
        await self._release()

    async def retry(self, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(delay_s, lambda: asyncio.ensure_future(self._release()))

    async def refuse(self) -> None:
        await self.ack()

    async def _release(self) -> None:
        self._place.held.discard(self.message.seq)
        await self._bus._wake()


class MemoryBus:
    """A `Bus` without a server. `clock` gives the receive time of stored messages in UTC milliseconds."""

    def __init__(self, *, clock: Callable[[], int] = _now_ms) -> None:
        self._clock = clock
        self._streams: dict[str, _Stream] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._listeners: list[tuple[str, asyncio.Queue[Message | None]]] = []
        self._changed = asyncio.Condition()
        self._stopped = False
        self.stores = MemoryStores(clock)

    @property
    def max_body(self) -> int:
        return _MAX_BODY

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str] = NO_HEADERS) -> None:
        # Like a server, a stream keeps what is plainly published on its subjects.
        if self._stream_of(subject) is not None:
            await self.append(subject, body, headers=headers)
        else:
            self._pass_on(Message(subject=subject, body=body, headers=dict(headers)))

    async def append(
        self,
        subject: str,
        body: bytes,
        *,
        message_id: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        last_on_subject: int | None = None,
    ) -> int:
        stream = self._stream_of(subject)
        if stream is None:
            raise TryAgainError(f"no stream keeps {subject}: run `nimmerverse streams apply`")
        if message_id in stream.ids:
            return stream.ids[message_id]
        if last_on_subject is not None:
            last = await self.last_on(stream.spec.name, subject)
            found = last.seq if last else 0
            if found != last_on_subject:
                raise FencedError(f"somebody else wrote first: the newest on {subject} is {found}")
        if message_id:
            headers = {**headers, MESSAGE_ID: message_id}
        seq = self._store(stream, Outgoing(subject=subject, body=body, headers=headers))
        if message_id:
            stream.ids[message_id] = seq
        await self._wake()
        return seq

    async def append_all(self, messages: Sequence[Outgoing], *, last: int) -> int:
        stream = self._stream_of(messages[0].subject)
        if stream is None:
            raise TryAgainError(f"no stream keeps {messages[0].subject}")
        if len(stream.log) != last:
            raise FencedError(f"somebody else wrote first: the stream ends at {len(stream.log)}")
        for message in messages:
            self._store(stream, message)
        await self._wake()
        return len(stream.log)

    def _store(self, stream: _Stream, message: Outgoing) -> int:
        stored = Stored(
            subject=message.subject,
            body=message.body,
            headers=dict(message.headers),
            stream=stream.spec.name,
            seq=len(stream.log) + 1,
            at_ms=self._clock(),
        )
        stream.log.append(stored)
        self._pass_on(stored)
        return stored.seq

    def _pass_on(self, message: Message) -> None:
        for pattern, queue in self._listeners:
            if matches(pattern, message.subject):
                queue.put_nowait(message)

    @asynccontextmanager
    async def subscribe(self, pattern: str) -> AsyncIterator[AsyncIterator[Message]]:
        queue: asyncio.Queue[Message | None] = asyncio.Queue()
        listener = (pattern, queue)
        self._listeners.append(listener)

        async def messages() -> AsyncIterator[Message]:
            while (message := await queue.get()) is not None:
                yield message

        try:
            yield messages()
        finally:
            self._listeners.remove(listener)

    async def request(
        self, subject: str, body: bytes, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS
    ) -> Message:
        endpoint = self._endpoints.get(subject)
        if endpoint is None:
            raise TryAgainError(f"nobody answers on {subject}: is that unit running?")
        asked = Message(subject=subject, body=body, headers=dict(headers), reply="_INBOX.memory")
        try:
            async with asyncio.timeout(timeout_s):
                answer = await endpoint.handler(asked)
        except TimeoutError:
            raise TryAgainError(f"no answer on {subject} within {timeout_s} s") from None
        except (RefusedError, TryAgainError):
            raise
        except Exception as error:
            raise RefusedError(repr(error), code=500) from error
        if endpoint.copy_to:
            await self.publish(endpoint.copy_to, answer, headers=lineage(headers))
        return Message(subject=asked.reply, body=answer)

    async def serve(self, service: Service) -> None:
        for endpoint in service.endpoints:
            self._endpoints[endpoint.subject] = endpoint

    async def read(self, stream: str, *, after: int, filters: Sequence[str] = ()) -> AsyncIterator[Stored]:
        kept = self._named(stream)
        position = after

        def arrived() -> bool:
            return len(kept.log) > position

        while await self._until(arrived):
            message = kept.log[position]
            position += 1
            if not filters or any(matches(pattern, message.subject) for pattern in filters):
                yield message

    async def consume(self, consumer: ConsumerSpec) -> AsyncIterator[Delivery]:
        kept = self._named(consumer.stream)
        place = kept.places.setdefault(consumer.name, _Place())

        def due() -> Stored | None:
            if len(place.held) >= consumer.max_ack_pending:
                return None
            for message in kept.log:
                if (
                    message.seq not in place.done
                    and message.seq not in place.held
                    and matches(consumer.filter, message.subject)
                    and place.attempts.get(message.seq, 0) < consumer.max_deliver
                ):
                    return message
            return None

        while await self._until(lambda: due() is not None):
            message = due()
            if message is None:
                continue
            place.held.add(message.seq)
            attempt = place.attempts[message.seq] = place.attempts.get(message.seq, 0) + 1
            yield _MemoryDelivery(self, place, consumer.max_deliver, message, attempt)

    async def get(self, stream: str, seq: int) -> Stored | None:
        kept = self._named(stream).log
        return kept[seq - 1] if 1 <= seq <= len(kept) else None

    async def next_on(
        self, stream: str, subject: str, *, since: int = 1, since_ms: int | None = None
    ) -> Stored | None:
        for message in self._named(stream).log:
            started = message.seq >= since if since_ms is None else message.at_ms >= since_ms
            if started and matches(subject, message.subject):
                return message
        return None

    async def last_on(self, stream: str, subject: str) -> Stored | None:
        kept = reversed(self._named(stream).log)
        return next((message for message in kept if matches(subject, message.subject)), None)

    async def last_seq(self, stream: str) -> int:
        return len(self._named(stream).log)

    async def acked_up_to(self, consumer: ConsumerSpec) -> int:
        kept = self._named(consumer.stream)
        done = kept.places.get(consumer.name, _Place()).done
        floor = 0
        for message in kept.log:
            if matches(consumer.filter, message.subject) and message.seq not in done:
                break
            floor = message.seq
        return floor

    async def apply(self, streams: Sequence[StreamSpec], *, dry_run: bool = False) -> list[StreamChange]:
        changes = []
        for spec in streams:
            known = spec.name in self._streams
            names = [spec.name, *(f"{spec.name}/{consumer.name}" for consumer in spec.consumers)]
            changes += [
                StreamChange(name=name, change=Change.KEEP if known else Change.CREATE) for name in names
            ]
            if not known and not dry_run:
                self._streams[spec.name] = _Stream(spec)
        return changes

    async def stop_reading(self) -> None:
        self._stopped = True
        for _, queue in self._listeners:
            queue.put_nowait(None)
        await self._wake()

    async def close(self) -> None:
        await self.stop_reading()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, ready: Callable[[], bool]) -> bool:
        """Wait until `ready()`; False if reading was stopped."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._stopped or ready())
        return not self._stopped

    def _named(self, stream: str) -> _Stream:
        if stream not in self._streams:
            raise WrongPeerError(f"the stream {stream} does not exist: apply the streams first")
        return self._streams[stream]

    def _stream_of(self, subject: str) -> _Stream | None:
        for stream in self._streams.values():
            if any(matches(pattern, subject) for pattern in stream.spec.subjects):
                return stream
        return None


class MemoryStores:
    """`stores.Stores` inside one process. `clock` gives UTC milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._objects: dict[tuple[str, str], bytes] = {}
        self._leases: dict[str, tuple[str, float]] = {}  # lease → owner, end in milliseconds

    async def keep(self, bucket: str, name: str, data: bytes) -> None:
        self._objects[bucket, name] = data

    async def load(self, bucket: str, name: str) -> bytes | None:
        return self._objects.get((bucket, name))

    async def names(self, bucket: str) -> list[str]:
        return sorted(name for kept_in, name in self._objects if kept_in == bucket)

    async def forget(self, bucket: str, name: str) -> None:
        self._objects.pop((bucket, name), None)

    async def hold(self, lease: str, owner: str, *, ttl_s: float) -> bool:
        holder, end = self._leases.get(lease, (owner, 0.0))
        if holder != owner and self._clock() < end:
            return False
        self._leases[lease] = (owner, self._clock() + ttl_s * 1000)
        return True

    async def release(self, lease: str, owner: str) -> None:
        if self._leases.get(lease, ("", 0.0))[0] == owner:
            del self._leases[lease]


def matches(pattern: str, subject: str) -> bool:
    """True if a NATS pattern (`*` one token, `>` the rest) covers a subject."""
    wanted, given = pattern.split("."), subject.split(".")
    for position, token in enumerate(wanted):
        if token == ">":
            return len(given) > position
        if position >= len(given) or token not in ("*", given[position]):
            return False
    return len(wanted) == len(given)
