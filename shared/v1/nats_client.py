"""The connection to a NATS server: how it begins, and a client that nothing on the wire can stop.

nats-py stops reading for good when it meets bytes that it cannot decode, and leaves for good on most errors
that a server tells. Anybody may put such bytes into a stream, and every reader would meet them again after
every restart. So the client here replaces what it cannot decode, and reconnects where nats-py leaves.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nats.errors
from nats.aio.client import PING_PROTO, Client
from nats.aio.msg import Msg

from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.nats_errors import text_of
from shared.v1.settings import Settings, redacted

log = logging.getLogger(__name__)

_RECONNECT_S = 0.2
_FIRST_TRIES = 1  # beyond the first, per address
_HEADER_LINE = len("NATS/1.0\r\n\r\n")
_NOT_LET_IN = ("authorization violation", "authentication revoked", "authentication expired")
_NOT_ALLOWED = "permissions violation"  # about one subject; the connection stays


class RawMessage(NamedTuple):
    """A message as it stood on the wire."""

    subject: bytes
    reply: bytes
    body: bytes
    headers: bytes | None


class SteadyClient(Client):
    """A client of nats-py that survives foreign bytes and errors of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = asyncio.Event()
        """Set when the connection is closed and will not come back."""
        self.raw: dict[int, Callable[[RawMessage], None]] = {}
        """Subscriptions whose messages are handed on as they arrive; the key is the subscription's number."""

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # `NatsBus.close` flushes before; what waits still can be written nowhere, and trying would fail.
        self._pending = []
        self._pending_data_size = 0
        await super()._close(status, do_cbs)
        if self.is_closed:
            self.lost.set()

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        # nats-py forgets the headers when it compares with max_payload; the server then hangs up.
        if headers:
            size = sum(len(key.encode()) + len(value.encode()) + 4 for key, value in headers.items())
            if len(payload) + size + _HEADER_LINE > self.max_payload:
                raise nats.errors.MaxPayloadError
        await super().publish(subject, payload, reply, headers)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # nats-py's way, a queue and a task per subscription, costs as much as all the rest of reading.
        take = self.raw.get(sid)
        if take is None:
            await super()._process_msg(sid, subject, reply, data, headers)
        else:
            take(RawMessage(subject, reply, data, headers))

    async def headers_of(self, message: RawMessage) -> dict[str, str]:
        """The headers of a raw message; none if they have no form that nats-py knows."""
        return await self._process_headers(message.headers) or {} if message.headers else {}

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        build: Callable[..., Msg] = super()._build_message
        try:
            return build(sid, subject, reply, data, headers)
        except UnicodeDecodeError:
            return build(sid, _readable(subject), _readable(reply), data, headers)

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)
        except (ValueError, IndexError):  # no form of a header that nats-py knows
            return None

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        # nats-py lets a PING overtake what waits to be written, so a flush would prove nothing.
        if not self.is_connected:
            await super()._send_ping(future)
            return
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(PING_PROTO)
        await self._flush_pending()

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():  # who waited for it has given up
            self._pongs.pop(0)
            self._pings_outstanding = 0
            return
        await super()._process_pong()

    async def _process_err(self, err_msg: str) -> None:
        if _NOT_ALLOWED in err_msg or not (self.is_connected and self.options["allow_reconnect"]):
            await super()._process_err(err_msg)
            return
        error = nats.errors.Error(f"nats: {err_msg}")
        await self._error_cb(error)
        await self._process_op_err(error)

    async def _read_loop(self) -> None:
        await super()._read_loop()
        if self.is_connected:  # it ended by itself, with an error that it logged
            await self._process_op_err(nats.errors.Error("nats: reading stopped"))


async def connect_client(settings: Settings, *, name: str, patient: bool) -> SteadyClient:
    """Connect to `settings.nats_url`.

    A patient caller (a long-running process) waits until a server is there, and its client reconnects for
    ever; an impatient one (a command) gets TryAgainError at once. RefusedError: the server does not let us in.
    """
    waiting_for = ""
    while True:
        try:
            return await _connect_once(settings, name, patient)
        except TryAgainError as error:
            if not patient:
                raise
            if str(error) != waiting_for:
                waiting_for = str(error)
                log.warning("waiting for a server", extra={"action": "waiting", "reason": waiting_for})
            await asyncio.sleep(_RECONNECT_S)


async def _connect_once(settings: Settings, name: str, patient: bool) -> SteadyClient:
    _check_credentials(settings.nats_creds)
    client = SteadyClient()
    shown = redacted(settings.nats_url)
    told = ""  # what was told last, because trouble repeats several times a second

    async def on_error(error: Exception) -> None:
        nonlocal told
        if client.is_connected or client.is_reconnecting:
            level = logging.DEBUG if text_of(error) == told else logging.WARNING
            log.log(level, "trouble with the server", extra={"action": "nats_error", "error": text_of(error)})
        told = text_of(error)

    async def on_disconnect() -> None:
        if not client.is_closed:
            log.warning("connection lost", extra={"action": "disconnected", "server": shown})

    async def on_reconnect() -> None:
        nonlocal told
        told = ""
        log.info("connection is back", extra={"action": "reconnected", "server": shown})

    try:
        await client.connect(
            [server.strip() for server in settings.nats_url.split(",")],
            name=name,
            error_cb=on_error,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
            # By itself nats-py would try for ever, and hide absence and refusal alike.
            allow_reconnect=False,
            max_reconnect_attempts=_FIRST_TRIES,
            reconnect_time_wait=_RECONNECT_S,  # type: ignore[arg-type]  # it is given to asyncio.sleep
            connect_timeout=2,
            user_credentials=settings.nats_creds or None,
        )
    except (nats.errors.Error, OSError, TimeoutError, ValueError) as error:
        reason = told or text_of(error)
        await client.close()
        if any(text in reason.lower() for text in _NOT_LET_IN):
            raise RefusedError(
                f"the NATS server at {shown} does not accept these credentials ({reason}): "
                "set NATS_CREDS or a user in NATS_URL",
                code=403,
            ) from None
        raise TryAgainError(
            f"no NATS server answers at {shown} ({reason}): start one with `nimmerverse up`, or set NATS_URL"
        ) from None
    if patient:
        client.options |= {"allow_reconnect": True, "max_reconnect_attempts": -1}
    return client


def _readable(raw: bytes) -> bytes:
    """Bytes with a mark in the place of those that are not UTF-8."""
    return raw.decode(errors="replace").encode()


def _check_credentials(path: str) -> None:
    if not path:
        return
    try:
        Path(path).read_bytes()
    except OSError as error:
        raise RefusedError(f"NATS_CREDS is {path!r}, which cannot be read ({error.strerror})") from None
