"""From a stored message to a typed, filled-in input of the thalamus; or a sentence that says what to change.

A researcher types `{"confidence": 0.6}`; subject, headers and place in the stream say the rest.
"""

from shared.v1.bus import MESSAGE_ID, Stored
from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange, Tick, VerificationOutcome, WaveSignal
from shared.v1.messages.base import json_object
from shared.v1.subjects import Kind, Subject, SubjectError, parse

MAX_BODY = 64 * 1024
"""Bytes of an input. What is larger belongs into a store, with its address in the payload."""

FILLED_IN = frozenset({"id", "source", "semantic"})
"""Fields of a wave that subject, headers and place in the stream give where the body does not."""

Input = WaveSignal | VerificationOutcome | RuleChange | Tick


def decode(message: Stored) -> tuple[Subject, Input]:
    """Read one message of SENSES. Raises RefusedError with one sentence that says what to change."""
    try:
        subject = parse(message.subject)
    except SubjectError as error:
        raise RefusedError(str(error)) from None
    if len(message.body) > MAX_BODY:
        raise RefusedError(
            f"the body has {len(message.body)} bytes: send at most {MAX_BODY}, "
            "and put larger things where the payload can name them",
            code=413,
        )
    match subject.kind:
        case Kind.WAVE:
            return subject, _wave(message, subject.address.name)
        case Kind.OUTCOME:
            return subject, VerificationOutcome.from_bytes(message.body)
        case Kind.RULES:
            return subject, RuleChange.from_bytes(message.body)
        case Kind.TICK:
            return subject, Tick.from_bytes(message.body)
        case _:
            raise RefusedError(f"the subject {message.subject!r} is no input of the thalamus")


def decode_wave(message: Stored) -> WaveSignal:
    """Read a message that must be a wave. Raises RefusedError."""
    _, wave = decode(message)
    if not isinstance(wave, WaveSignal):
        raise RefusedError(f"{message.stream}:{message.seq} on {message.subject!r} is no wave")
    return wave


def _wave(message: Stored, witness: str) -> WaveSignal:
    fields = json_object(message.body, WaveSignal.example)
    source = fields.setdefault("source", witness)
    fields.setdefault("semantic", witness)
    if "id" not in fields:
        fields["id"] = message.headers.get(MESSAGE_ID) or f"{message.stream}:{message.seq}"
    # Who types a wave by hand names no version and no instance.
    fields["synthetic"] = fields.get("synthetic") is True or not _is_signed(source)
    wave = WaveSignal.from_fields(fields)
    if wave.source.split("/")[0] != witness:
        raise RefusedError(
            f"source is {wave.source!r}, but the subject {message.subject!r} speaks for {witness!r}: "
            f"let source begin with {witness!r}, or publish on the subject of {wave.source.split('/')[0]!r}"
        )
    return wave


def _is_signed(source: object) -> bool:
    return isinstance(source, str) and source.count("/") == 2 and all(source.split("/"))
