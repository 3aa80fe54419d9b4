"""The bus as every process sees it: subjects, streams, durable work, and request/reply.

A protocol with two forms, `bus_nats` and `bus_memory`; one suite of tests holds both to it. Nothing else
in the project names a NATS type.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from shared.v1.stores import Stores
from shared.v1.streams import ConsumerSpec, StreamChange, StreamSpec

MESSAGE_ID = "Nats-Msg-Id"
SERVICE_ERROR = "Nats-Service-Error"
SERVICE_ERROR_CODE = "Nats-Service-Error-Code"

BUSY = 503
"""The error code of a service that could answer later; RefusedError has all others."""

NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message about to be published."""

    subject: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that passed by. `reply` is empty unless somebody waits for an answer."""

    subject: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Message):
    """A message with its place in a stream. `at_ms` is the stream's receive time, UTC milliseconds."""

    stream: str
    seq: int
    at_ms: int


class Delivery(Protocol):
    """One durable delivery. Exactly one of `ack`, `retry` and `refuse` ends it."""

    @property
    def message(self) -> Stored: ...

    @property
    def attempt(self) -> int:
        """1 for the first delivery."""
        ...

    @property
    def is_last_attempt(self) -> bool:
        """True if the server will not deliver it again: now or never."""
        ...

    async def working(self) -> None:
        """Tell the server that the work goes on, so that it does not deliver again."""

    async def ack(self) -> None:
        """Done."""

    async def retry(self, delay_s: float) -> None:
        """Deliver again after `delay_s` seconds."""

    async def refuse(self) -> None:
        """Never deliver again."""


Handler = Callable[[Message], Awaitable[bytes]]
"""Answers a request with a body. RefusedError and TryAgainError become the error header of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One subject on which a service answers. `copy_to` is where a copy of each answer is published."""

    name: str
    subject: str
    handler: Handler
    copy_to: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How a process appears in `nats micro ls`."""

    name: str
    version: str
    description: str
    endpoints: Sequence[Endpoint] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


class Bus(Protocol):
    """What a process may do on the bus.

    All methods raise TryAgainError when the server is away, RefusedError when it says no.
    Iterators go on through restarts of the server, and end after `stop_reading`.
    """

    @property
    def stores(self) -> Stores:
        """Objects and leases."""
        ...

    @property
    def max_body(self) -> int:
        """Bytes that one message may have, headers included."""
        ...

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Publish without storing: whoever listens now hears it."""

    async def append(
        self,
        subject: str,
        body: bytes,
        *,
        message_id: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        last_on_subject: int | None = None,
    ) -> int:
        """Store a message in the stream that binds `subject`; return its position there.

        With `last_on_subject` it is stored only if the newest message of that subject has this position
        (0: none exists); otherwise FencedError.
        """
        ...

    async def append_all(self, messages: Sequence[Outgoing], *, last: int) -> int:
        """Store all messages or none, if the stream's newest position is `last`; return the new one.

        Raises FencedError if it is not.
        """
        ...

    def subscribe(self, pattern: str) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """Hear what passes on `pattern` from the moment the context is entered."""
        ...

    async def request(
        self, subject: str, body: bytes, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS
    ) -> Message:
        """Ask and wait. RefusedError carries what the service's error header said.

        TryAgainError if nobody answers in time, or the service said that it could later.
        """
        ...

    async def serve(self, service: Service) -> None:
        """Answer on the service's endpoints, and to `nats micro`, until the bus is closed."""

    def read(self, stream: str, *, after: int, filters: Sequence[str] = ()) -> AsyncIterator[Stored]:
        """Every message of a stream after a position, in order, each once, for ever."""
        ...

    def consume(self, consumer: ConsumerSpec) -> AsyncIterator[Delivery]:
        """Durable work: what is not acknowledged comes again."""
        ...

    async def get(self, stream: str, seq: int) -> Stored | None:
        """The message at a position, None if there is none (any more)."""
        ...

    async def next_on(
        self, stream: str, subject: str, *, since: int = 1, since_ms: int | None = None
    ) -> Stored | None:
        """The first message on a subject at or after a position, or a receive time; None if there is none."""
        ...

    async def last_on(self, stream: str, subject: str) -> Stored | None:
        """The newest message on a subject (wildcards allowed), None if there is none."""
        ...

    async def last_seq(self, stream: str) -> int:
        """The newest position of a stream, 0 if it never held a message."""
        ...

    async def acked_up_to(self, consumer: ConsumerSpec) -> int:
        """The position up to which a durable consumer has finished everything."""
        ...

    async def apply(self, streams: Sequence[StreamSpec], *, dry_run: bool = False) -> list[StreamChange]:
        """Make streams and consumers as declared; return what was (or would be) changed."""
        ...

    async def stop_reading(self) -> None:
        """Let all iterators end after what they hold. Publishing still works."""

    async def close(self) -> None:
        """Flush what was published and leave."""


def lineage(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of a request that the copy of its answer keeps: ours, and the trace."""
    return {
        key: value for key, value in headers.items() if key.startswith("Nimmerverse-") or key == "traceparent"
    }
