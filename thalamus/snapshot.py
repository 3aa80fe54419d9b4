"""A state as bytes and back: exact, canonical, and telling of any damage.

A snapshot is one line of JSON (format, position, rules version, SHA-256 of the body and of the snapshot before
it) and a compressed JSON body. JSON keeps every float exactly, because its shortest form is read back to the
same bits.
"""

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import Any

from shared.v1.errors import NimmerverseError
from shared.v1.messages import RuleChange, WaveSignal
from shared.v1.states import GateState
from thalamus.fold import State
from thalamus.garden import Garden, Said
from thalamus.gate import Gate, Opening
from thalamus.ring import Heard
from thalamus.rules import Rules

FORMAT = 1
NO_PREVIOUS = "0" * 64


class DamagedError(NimmerverseError):
    """A snapshot is not what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A state that was read back, and its place in the chain of snapshots."""

    state: State
    digest: str
    previous: str


def encode(state: State, *, previous: str = NO_PREVIOUS) -> tuple[bytes, str]:
    """Write a state; return the bytes and the digest by which the next snapshot names this one."""
    body = zlib.compress(_canonical(_state_out(state)), 6)
    head = {
        "format": FORMAT,
        "seq": state.seq,
        "rules": state.rules.version,
        "previous": previous,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    line = _canonical(head)
    digest = hashlib.sha256(line).hexdigest()
    return digest.encode() + b" " + line + b"\n" + body, digest


def decode(raw: bytes) -> Snapshot:
    """Read a state back. Raises DamagedError if a single bit is not as it was written."""
    line, newline, body = raw.partition(b"\n")
    digest, blank, head_line = line.partition(b" ")
    if not newline or not blank or hashlib.sha256(head_line).hexdigest().encode() != digest:
        raise DamagedError("the head of the snapshot is torn or altered")
    head = json.loads(head_line)
    if head["format"] != FORMAT:
        raise DamagedError(f"the snapshot has format {head['format']}, this program reads {FORMAT}")
    if hashlib.sha256(body).hexdigest() != head["sha256"]:
        raise DamagedError("the body of the snapshot is torn or altered")
    try:
        state = _state_in(json.loads(zlib.decompress(body)))
    except (KeyError, TypeError, ValueError, NimmerverseError) as error:
        # Whole, but written by a program that knew another state.
        raise DamagedError(f"the snapshot holds another kind of state ({error!r})") from None
    return Snapshot(state=state, digest=digest.decode(), previous=head["previous"])


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _state_out(state: State) -> dict[str, Any]:
    return {
        "seq": state.seq,
        "rules": {
            "version": state.rules.version,
            "vocabulary": state.rules.vocabulary,
            "overlays": [[*scope, overlay] for scope, overlay in state.rules.overlays.items()],
            "history": [[seq, change.to_bytes().decode()] for seq, change in state.rules.history],
        },
        "gardens": {name: _garden_out(garden) for name, garden in state.gardens.items()},
        # The order of gates is part of the state: it is that in which a tick looks at them.
        "gates": [_gate_out(gate) for gate in state.gates.values()],
        "restless": [list(key) for key in state.restless],
        "shadow": None if state.shadow is None else _state_out(state.shadow),
    }


def _state_in(fields: dict[str, Any]) -> State:
    rules = Rules(
        version=fields["rules"]["version"],
        vocabulary=fields["rules"]["vocabulary"],
        overlays={(region, garden): overlay for region, garden, overlay in fields["rules"]["overlays"]},
        history=[(seq, RuleChange.from_bytes(change.encode())) for seq, change in fields["rules"]["history"]],
    )
    state = State(seq=fields["seq"], rules=rules)
    state.gardens = {name: _garden_in(garden) for name, garden in fields["gardens"].items()}
    for written in fields["gates"]:
        gate = _gate_in(written, rules)
        state.gates[gate.garden, gate.region] = gate
    state.shadow = None if fields["shadow"] is None else _state_in(fields["shadow"])
    state.restless = {(garden, region): state.gates[garden, region] for garden, region in fields["restless"]}
    return state


_GARDEN = ("now_ms", "swept_ms", "pruned_ms", "simulated", "late", "future", "duplicates")


def _garden_out(garden: Garden) -> dict[str, Any]:
    return {
        **{name: getattr(garden, name) for name in _GARDEN},
        "units": list(garden.units),
        "held": [[said.seq, said.unit, said.wave.to_bytes().decode()] for said in garden.held],
    }


def _garden_in(fields: dict[str, Any]) -> Garden:
    held = [
        Said(seq=seq, unit=unit, wave=WaveSignal.from_bytes(wave.encode()))
        for seq, unit, wave in fields["held"]
    ]
    return Garden(**{name: fields[name] for name in _GARDEN}, units=dict.fromkeys(fields["units"]), held=held)


def _gate_out(gate: Gate) -> dict[str, Any]:
    return {
        "region": gate.region,
        "garden": gate.garden,
        "state": int(gate.state),
        "weight": gate.weight,
        "by_reflex": gate.by_reflex,
        "refractory_until": gate.refractory_until,
        "openings": [[o.seq, list(o.shares.items()), o.verified] for o in gate.openings],
        "witnesses": list(gate.witnesses),
        "numbers": [gate.averages, gate.trusts, gate.confidences, gate.habits],
        "times": gate.times,
        "ring": [(h.seq, h.at_ms, h.witness, *_values_out(h), h.semantic, h.id, h.source) for h in gate.ring],
    }


def _values_out(heard: Heard) -> tuple[float, ...]:
    return heard.confidence, heard.valence, heard.evidence, heard.cost, heard.gain


def _gate_in(fields: dict[str, Any], rules: Rules) -> Gate:
    region, garden = fields["region"], fields["garden"]
    gate = Gate(region, garden, rules.of(region, garden))
    gate.state = GateState(fields["state"])
    gate.weight = fields["weight"]
    gate.by_reflex = fields["by_reflex"]
    gate.refractory_until = fields["refractory_until"]
    gate.openings = [
        Opening(seq=seq, shares=dict(map(tuple, shares)), verified=verified)
        for seq, shares, verified in fields["openings"]
    ]
    gate.witnesses = {name: index for index, name in enumerate(fields["witnesses"])}
    gate.averages, gate.trusts, gate.confidences, gate.habits = fields["numbers"]
    gate.times = fields["times"]
    for seq, at_ms, witness, confidence, valence, evidence, cost, gain, semantic, name, source in fields[
        "ring"
    ]:
        heard = Heard(
            seq=seq,
            at_ms=at_ms,
            witness=witness,
            confidence=confidence,
            valence=valence,
            evidence=evidence,
            cost=cost,
            semantic=semantic,
            id=name,
            source=source,
        )
        gate.ring.push(heard, gain)
    return gate
