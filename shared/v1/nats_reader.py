"""An ordered reader of a stream that proves that it missed nothing.

A push consumer without acknowledgements is several times faster than a pull consumer in nats-py; its
`ordered_consumer`, however, restarts at 1 when the consumer is lost before the first message, and drops
messages on overflow without asking again. So this reader counts for itself: deliveries of one consumer
are numbered without gaps by the server, heartbeats tell how many were sent, and on any doubt a new
consumer is made right after the last message that was handed on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import nats.errors
import nats.js.errors
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext, api

from shared.v1.bus import Stored
from shared.v1.errors import TryAgainError, WrongPeerError
from shared.v1.nats_client import RawMessage, SteadyClient

log = logging.getLogger(__name__)

_HEARTBEAT_S = 0.5
_SILENCE_S = 1.75  # more than three heartbeats missed: the consumer or the server is gone
_RETRY_S = 0.2
_TURN = 128  # deliveries, after which everything else in this process has its turn: leases, heartbeats, answers
_FLOW_CONTROL = "FlowControl Request"
_DELIVERY = b"$JS.ACK."


class _Lost(Exception):  # noqa: N818 - a signal inside this file, not an error
    """The consumer can no longer prove that it delivers everything."""


async def read_stream(
    client: SteadyClient,
    js: JetStreamContext,
    stream: str,
    after: int,
    filters: tuple[str, ...],
    stopping: asyncio.Event,
) -> AsyncIterator[Stored]:
    """Yield every message after position `after`, in order, each once, until `stopping` is set.

    Raises WrongPeerError if the stream holds less than was already read: it is another stream.
    """
    last = after
    created = ""  # when the stream was made; another time is another stream
    told = ""  # the trouble that was told last, because it repeats
    while not stopping.is_set():
        consumer = _PushConsumer(client, js, stream, filters)
        try:
            created = await consumer.start(last, created)
            async with aclosing(consumer.deliveries(stopping)) as messages:
                async for message in messages:
                    last = message.seq
                    told = ""
                    yield message
        except (_Lost, nats.errors.Error, TimeoutError, OSError) as reason:
            if client.is_closed and not stopping.is_set():
                raise TryAgainError("the connection to the NATS server was lost") from None
            level = logging.DEBUG if repr(reason) == told else logging.INFO
            told = repr(reason)
            log.log(
                level,
                "reader starts anew",
                extra={"action": "reader_rebuilt", "stream": stream, "after": last, "reason": told},
            )
            await asyncio.sleep(_RETRY_S)
        finally:
            await consumer.stop()


class _PushConsumer:
    """One ephemeral consumer and what arrived from it."""

    def __init__(
        self, client: SteadyClient, js: JetStreamContext, stream: str, filters: tuple[str, ...]
    ) -> None:
        self._client = client
        self._js = js
        self._stream = stream
        self._filters = filters
        self._arrived: deque[RawMessage] = deque()
        self._signal = asyncio.Event()
        self._subscription: Subscription | None = None
        self._name = ""

    async def start(self, after: int, created: str) -> str:
        """Make the consumer; return when its stream was created, as `created` says for an earlier one."""
        info = await self._js.stream_info(self._stream)
        if info.state.last_seq < after:
            raise WrongPeerError(
                f"the stream {self._stream} ends at {info.state.last_seq}, but {after} was already read: "
                "this is another server's stream, or its data was deleted"
            )
        if created and created != str(info.created):
            raise WrongPeerError(
                f"the stream {self._stream} was made at {info.created}, but {after} was read from one made at "
                f"{created}: it was deleted and made again"
            )
        inbox = self._client.new_inbox()
        # Flow control bounds what is on its way, so our own buffer needs no limit that would drop.
        self._subscription = await self._client.subscribe(inbox)
        self._client.raw[self._subscription._id] = self._arrive
        config = api.ConsumerConfig(
            description=f"reader of {self._stream}",
            deliver_subject=inbox,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=api.AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=_HEARTBEAT_S,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=10,
        )
        if len(self._filters) == 1:
            config.filter_subject = self._filters[0]
        elif self._filters:
            config.filter_subjects = list(self._filters)
        self._name = (await self._js.add_consumer(self._stream, config)).name
        return str(info.created)

    def _arrive(self, message: RawMessage) -> None:
        self._arrived.append(message)
        self._signal.set()

    async def deliveries(self, stopping: asyncio.Event) -> AsyncGenerator[Stored]:
        delivered = 0  # the consumer's own numbering
        arrived = self._arrived
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self._signal.set())
        try:
            while not stopping.is_set():
                if not arrived:
                    self._signal.clear()
                    await self._wait()
                    continue
                message = arrived.popleft()
                # Not by its headers: a stored message may carry any, `Status` too.
                if not message.reply.startswith(_DELIVERY):
                    await self._control(message, delivered)
                    continue
                *_, seq, number, at_ns, _ = message.reply.split(b".")
                delivered += 1
                if delivered % _TURN == 0:
                    await asyncio.sleep(0)
                if int(number) != delivered:
                    raise _Lost(f"delivery {delivered} is missing, {int(number)} came")
                yield Stored(
                    subject=message.subject.decode(errors="replace"),
                    body=message.body,
                    headers=await self._client.headers_of(message),
                    stream=self._stream,
                    seq=int(seq),
                    at_ms=int(at_ns) // 1_000_000,
                )
        finally:
            stop.cancel()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_SILENCE_S):
                await self._signal.wait()
        except TimeoutError:
            raise _Lost("no heartbeat") from None

    async def _control(self, message: RawMessage, delivered: int) -> None:
        headers, reply = await self._client.headers_of(message), message.reply.decode()
        if headers.get("Status") != "100":
            raise _Lost(f"the server said {headers.get('Status')} {headers.get('Description', '')}")
        if reply and headers.get("Description") == _FLOW_CONTROL:
            await self._client.publish(reply)
            return
        stalled = headers.get("Nats-Consumer-Stalled")
        if stalled:
            await self._client.publish(stalled)
        sent = headers.get("Nats-Last-Consumer")
        if sent is not None and int(sent) != delivered:
            raise _Lost(f"the server sent {sent}, {delivered} arrived")

    async def stop(self) -> None:
        if self._subscription is None:
            return
        self._client.raw.pop(self._subscription._id, None)
        if self._client.is_closed:
            return
        try:
            await self._subscription.unsubscribe()  # without a connection too: it would come back with it
            if self._name and self._client.is_connected:
                await self._js.delete_consumer(self._stream, self._name)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            # The server forgets an inactive consumer by itself.
            log.debug("consumer left behind", extra={"action": "consumer_left", "error": repr(error)})
