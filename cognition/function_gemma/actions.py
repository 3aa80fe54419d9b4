"""What may be done about an escalation, and how likely each is by the evidence alone.

An action is a verb whose schema accepts what one asserting wave carried. Its weight is

    c · fit        c   = 1 − Π(1 − c_w) over the witnesses whose waves carry exactly this command
                   fit = max(n, ½) / max(m, ½): n arguments of m that the unit's best fitting verb takes
    1 − C          for `observe`, C being the amplified confidence of the escalation

and the prior is each weight's share. So agreement counts once per witness, doing nothing is as likely
as the gate is wrong, and of two verbs for one meaning the one that takes more of what was said goes first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cognition.choice import corroborated, shares
from cognition.commands import OBSERVE, Catalogue, commandable, sibling_id
from cognition.function_gemma.sensed import Sensed
from shared.v1.manifest import Manifest, Verb
from shared.v1.messages import Action, Command, Escalation

MAX_ARGUMENTS = 8192  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    arguments: dict[str, JsonValue]
    confidence: float


def actions_of(escalation: Escalation, sensed: Sequence[Sensed], catalogue: Catalogue) -> tuple[Action, ...]:
    """The offered actions, most likely first; equals in the order of the manifests, `observe` after them."""
    commands: list[tuple[str, Command | None]] = []
    weights: list[float] = []
    for unit in catalogue.speaking_of(escalation.region):
        offered = _offered(unit, escalation.garden, sensed)
        best = max((len(candidate.arguments) for candidate in offered.values()), default=0)
        for verb, candidate in offered.items():
            command = Command(
                target=unit.address.path,
                verb=verb,
                arguments=candidate.arguments,
                id=sibling_id("cm", escalation.id),
                about=sibling_id("rs", escalation.id),
            )
            commands.append((f"{unit.name}.{verb}", command))
            weights.append(candidate.confidence * max(len(candidate.arguments), 0.5) / max(best, 0.5))
    commands.append((OBSERVE, None))
    weights.append(1.0 - escalation.confidence)
    actions = [
        Action(id=name, confidence=share, command=command)
        for (name, command), share in zip(commands, shares(weights), strict=True)
    ]
    return tuple(sorted(actions, key=lambda action: -action.confidence))


def _offered(unit: Manifest, garden: str, sensed: Sequence[Sensed]) -> dict[str, _Candidate]:
    found = {name: _candidate(verb, sensed) for name, verb in commandable(unit, garden).items()}
    return {name: candidate for name, candidate in found.items() if candidate is not None}


def _candidate(verb: Verb, sensed: Sequence[Sensed]) -> _Candidate | None:
    """The arguments that the witnesses are surest of together; the most confident wave's among equals."""
    witnesses: dict[str, dict[str, float]] = {}
    arguments: dict[str, dict[str, JsonValue]] = {}
    for one in sensed:
        if one.evidence.valence <= 0:
            continue
        taken = _arguments(verb, one.payload)
        if taken is None:
            continue
        key = json.dumps(taken, sort_keys=True)
        arguments.setdefault(key, taken)
        # Waves of one witness never confirm each other.
        sure = witnesses.setdefault(key, {})
        sure[one.evidence.witness] = max(sure.get(one.evidence.witness, 0.0), one.evidence.confidence)
    candidates = [
        _Candidate(arguments=taken, confidence=corroborated(witnesses[key].values()))
        for key, taken in arguments.items()
    ]
    return max(candidates, key=lambda candidate: candidate.confidence, default=None)


def _arguments(verb: Verb, payload: JsonValue) -> dict[str, JsonValue] | None:
    """What a payload says in the words of a verb's schema, None if the schema does not accept it."""
    said = payload if isinstance(payload, dict) else {}
    taken = {name: said[name] for name in verb.arguments.get("properties", {}) if name in said}
    if verb.fault(taken) is not None or len(json.dumps(taken)) > MAX_ARGUMENTS:
        return None
    return taken
