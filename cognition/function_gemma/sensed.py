"""What the waves behind an escalation said: their payloads, and the facts that are copied out of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from shared.v1.decode import decode_wave
from shared.v1.errors import RefusedError
from shared.v1.messages import Escalation, Evidence, Fact
from shared.v1.runtime import Context
from shared.v1.streams import SENSES

MAX_WAVES = 64
MAX_FACTS = 32
MAX_LIST = 16  # values in a list that is copied
MAX_FACT = 1024  # bytes of one value

_MAX_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """A wave of the evidence: what the thalamus made of it, and what it carried."""

    evidence: Evidence
    id: str
    payload: JsonValue


async def recall(context: Context, escalation: Escalation) -> list[Sensed]:
    """The newest waves of the evidence, the most confident first, as SENSES still has them."""
    found = []
    for evidence in escalation.evidence[-MAX_WAVES:]:
        stored = await context.surely(partial(context.bus.get, SENSES, evidence.seq))
        if stored is None:
            continue  # older than the stream remembers
        try:
            wave = decode_wave(stored)
        except RefusedError:
            continue  # an escalation typed by hand may name anything
        found.append(Sensed(evidence=evidence, id=wave.id, payload=wave.payload))
    return sorted(found, key=lambda sensed: (-sensed.evidence.confidence, -sensed.evidence.seq))


def facts_of(sensed: Sequence[Sensed]) -> tuple[Fact, ...]:
    """Copy what the payloads say, first come first kept: values and short lists of an object, else the whole.

    At most MAX_FACTS of at most MAX_FACT bytes; a witness that repeats itself is quoted once.
    """
    facts: dict[str, Fact] = {}
    for one in sensed:
        for name, value in _values(one.payload):
            said = json.dumps([one.evidence.witness, name, value])
            if said not in facts and len(facts) < MAX_FACTS:
                facts[said] = Fact(
                    name=name,
                    value=value,
                    wave=one.id,
                    witness=one.evidence.witness,
                    confidence=one.evidence.confidence,
                )
    return tuple(facts.values())


def _values(payload: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    named = payload.items() if isinstance(payload, dict) else [("payload", payload)]
    for name, value in named:
        if name.strip() and len(name) <= _MAX_NAME and _is_small(value):
            yield name, value


def _is_small(value: JsonValue) -> bool:
    if value is None or isinstance(value, dict):
        return False
    if isinstance(value, list) and (
        len(value) > MAX_LIST or any(isinstance(item, dict | list) for item in value)
    ):
        return False
    return len(json.dumps(value)) <= MAX_FACT
