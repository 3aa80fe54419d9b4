"""One message that a durable consumer of a NATS server delivered, and what becomes of it."""

from dataclasses import dataclass

import nats.aio.msg

from shared.v1.bus import Delivery, Stored
from shared.v1.nats_errors import translated


def delivery_of(msg: nats.aio.msg.Msg, max_deliver: int) -> Delivery:
    """Wrap what nats-py fetched; `max_deliver` is the consumer's."""
    return _NatsDelivery(msg, max_deliver, _stored(msg), msg.metadata.num_delivered)


@dataclass(slots=True)
class _NatsDelivery:
    _msg: nats.aio.msg.Msg
    _max_deliver: int
    message: Stored
    attempt: int

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= self._max_deliver

    async def working(self) -> None:
        with translated():
            await self._msg.in_progress()

    async def ack(self) -> None:
        with translated():
            await self._msg.ack()

    async def retry(self, delay_s: float) -> None:
        with translated():
            await self._msg.nak(delay=delay_s)

    async def refuse(self) -> None:
        with translated():
            await self._msg.term()


def _stored(msg: nats.aio.msg.Msg) -> Stored:
    tokens = msg.reply.split(".")
    return Stored(
        subject=msg.subject,
        body=msg.data,
        headers=dict(msg.headers or {}),
        stream=tokens[-7],
        seq=int(tokens[-4]),
        at_ms=int(tokens[-2]) // 1_000_000,
    )
