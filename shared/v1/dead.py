"""Dead letters: what was refused goes to DEAD, whole, with one sentence that says what to change."""

import base64
import hashlib
import zlib

from shared.v1 import subjects
from shared.v1.bus import Bus, Stored
from shared.v1.errors import FencedError
from shared.v1.messages import DeadLetter

_ROOM = 4096  # bytes kept free for the server's own headers
_PREVIEW = 1024  # bytes of a body that no encoding makes small enough
_MAX_HEADERS = 32
_MAX_HEADER = 512  # characters of a header's name, and of its value


async def bury(bus: Bus, env: str, message: Stored, reason: str, *, by: str) -> None:
    """Publish the dead letter of `message`. Saying it twice is harmless: each refusal has its own subject."""
    subject = subjects.dead(env, message.subject, message.stream, message.seq)
    letter = _letter(message, reason, by, room=bus.max_body - len(subject) - _ROOM)
    try:
        await bus.append(subject, letter.to_bytes(), message_id=letter.id, last_on_subject=0)
    except FencedError:
        return  # it was said before


def _letter(message: Stored, reason: str, by: str, *, room: int) -> DeadLetter:
    body = message.body
    letter = DeadLetter(
        id=f"{message.stream}:{message.seq}",
        subject=message.subject[:4096],
        reason=reason[:2000],
        stream=message.stream,
        sequence=message.seq,
        refused_by=by,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        encoding="base64",
        body="",
        headers={
            key[:_MAX_HEADER]: value[:_MAX_HEADER]
            for key, value in list(message.headers.items())[:_MAX_HEADERS]
        },
    )
    for form in (_as_text, _as_base64, _as_zlib):
        candidate = form(letter, body)
        if candidate is not None and len(candidate.to_bytes()) <= room:
            return candidate
    return _as_base64(letter, body[:_PREVIEW]).model_copy(update={"truncated": True})


def original(letter: DeadLetter) -> bytes:
    """The bytes that were refused; only their beginning if the letter is `truncated`."""
    match letter.encoding:
        case "utf-8":
            return letter.body.encode()
        case "base64":
            return base64.b64decode(letter.body)
        case "zlib+base64":
            return zlib.decompress(base64.b64decode(letter.body))


def _as_text(letter: DeadLetter, body: bytes) -> DeadLetter | None:
    try:
        return letter.model_copy(update={"encoding": "utf-8", "body": body.decode()})
    except UnicodeDecodeError:
        return None


def _as_base64(letter: DeadLetter, body: bytes) -> DeadLetter:
    return letter.model_copy(update={"encoding": "base64", "body": base64.b64encode(body).decode()})


def _as_zlib(letter: DeadLetter, body: bytes) -> DeadLetter:
    packed = base64.b64encode(zlib.compress(body, 9)).decode()
    return letter.model_copy(update={"encoding": "zlib+base64", "body": packed})
