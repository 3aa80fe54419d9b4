"""A part of SENSES as a file that can be carried elsewhere: JSON Lines, compressed with gzip.

The first line is a header, then comes one line per message, and the last line holds their number and the
SHA-256 of all lines before it, so that a file that was cut short or altered is told from a whole one.
"""

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.v1.bus import Stored
from shared.v1.errors import NimmerverseError

FORMAT = "nimmerverse-capture/1"
SUFFIX = ".jsonl.gz"


class CaptureError(NimmerverseError):
    """A file is no whole capture; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a capture comes from. `first` and `last` are positions in `stream`."""

    env: str
    stream: str
    first: int
    last: int
    created: datetime


async def write(path: Path, header: Header, messages: AsyncIterator[Stored]) -> int:
    """Write a capture; return how many messages it holds. The file appears when it is whole.

    Raises CaptureError if it exists already.
    """
    part = _part_of(path)
    digest, count = hashlib.sha256(), 0
    try:
        with part.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:

            def line(fields: Mapping[str, Any]) -> None:
                text = _line(fields)
                digest.update(text)
                file.write(text)

            line(
                {
                    "format": FORMAT,
                    "env": header.env,
                    "stream": header.stream,
                    "first": header.first,
                    "last": header.last,
                    "created": header.created.isoformat(),
                }
            )
            async for message in messages:
                line(_fields(message))
                count += 1
            line({"count": count, "sha256": digest.hexdigest()})
        part.replace(path)
    except OSError as error:
        raise CaptureError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    return count


def _part_of(path: Path) -> Path:
    """Where a capture is written until it is whole."""
    if path.exists():
        raise CaptureError(f"{path} exists already: give another name")
    return path.with_name(f"{path.name}.part")


def check(path: Path) -> tuple[Header, int]:
    """Read a capture from end to end; return its header and how many messages it holds.

    Raises CaptureError, with what is wrong, if it is not what was written.
    """
    digest, count = hashlib.sha256(), 0
    header: Header | None = None
    end: dict[str, Any] | None = None
    for text, fields in _lines(path):
        if end is not None:
            raise CaptureError(f"{path} is altered: something follows its last line")
        if header is None:
            header = _header(path, fields)
        elif "sha256" in fields:
            end = fields
            continue
        else:
            _message(path, fields, header.stream)
            count += 1
        digest.update(text)
    if header is None or end is None:
        raise CaptureError(f"{path} is cut short: its last line is missing; record or copy it again")
    if end.get("count") != count or end["sha256"] != digest.hexdigest():
        raise CaptureError(f"{path} is altered: its lines are not those that were recorded")
    return header, count


async def messages(path: Path) -> AsyncIterator[Stored]:
    """The messages of a capture, in order. `check` it before: here nothing is proved."""
    lines = _lines(path)
    header = _header(path, next(lines)[1])
    for _, fields in lines:
        if "sha256" not in fields:
            yield _message(path, fields, header.stream)


def _lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    try:
        with gzip.open(path, "rb") as file:
            for text in file:
                fields = json.loads(text)
                if not isinstance(fields, dict):
                    raise CaptureError(f"{path} is altered: a line is no JSON object")
                yield text, fields
    except FileNotFoundError:
        raise CaptureError(f"{path} does not exist") from None
    except EOFError:
        raise CaptureError(f"{path} is cut short: record or copy it again") from None
    except gzip.BadGzipFile as error:
        raise CaptureError(f"{path} is no capture, or is altered ({error})") from None
    except (zlib.error, ValueError, RecursionError) as error:
        raise CaptureError(f"{path} is altered ({error}): record or copy it again") from None
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror or error}") from None


def _header(path: Path, fields: Mapping[str, Any]) -> Header:
    if fields.get("format") != FORMAT:
        raise CaptureError(f"{path} is no capture: its first line must name the format {FORMAT}")
    try:
        return Header(
            env=fields["env"],
            stream=fields["stream"],
            first=fields["first"],
            last=fields["last"],
            created=datetime.fromisoformat(fields["created"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CaptureError(f"{path} is altered: its header is wrong ({error!r})") from None


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _fields(message: Stored) -> dict[str, Any]:
    fields: dict[str, Any] = {"seq": message.seq, "at_ms": message.at_ms, "subject": message.subject}
    if message.headers:
        fields["headers"] = dict(message.headers)
    try:
        return fields | {"body": message.body.decode()}
    except UnicodeDecodeError:
        return fields | {"base64": base64.b64encode(message.body).decode()}


def _message(path: Path, fields: Mapping[str, Any], stream: str) -> Stored:
    try:
        body = fields["body"].encode() if "body" in fields else base64.b64decode(fields["base64"])
        return Stored(
            subject=fields["subject"],
            body=body,
            headers=fields.get("headers", {}),
            stream=stream,
            seq=fields["seq"],
            at_ms=fields["at_ms"],
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CaptureError(f"{path} is altered: a line is no message ({error!r})") from None
