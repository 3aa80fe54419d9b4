"""From a request to a decision: what may be chosen, what the model is asked, and what both come to."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from cognition.choice import best, posterior, shares
from cognition.commands import Catalogue
from cognition.model import ModelError
from cognition.quoting import quoted
from shared.v1.manifest import JsonSchema
from shared.v1.messages import Action, CognitiveRequest

MAX_PROMPT_FACTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The chosen action and its posterior, 0…1."""

    action: Action
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen; at least one action, each id once."""

    actions: tuple[Action, ...]

    @property
    def schema(self) -> JsonSchema:
        """The JSON Schema of an answer: the id of one action."""
        return {
            "type": "object",
            "properties": {"action": {"enum": [action.id for action in self.actions]}},
            "required": ["action"],
            "additionalProperties": False,
        }

    def parse(self, text: str) -> int:
        """The position of the action that a model named. Raises ModelError if it named none of them."""
        try:
            said = from_json(text, allow_inf_nan=False)
        except ValueError:
            said = None
        for position, action in enumerate(self.actions):
            if said == {"action": action.id}:
                return position
        raise ModelError("the model chose none of what was offered", said=text)

    def by_rules(self) -> Decision:
        """What the prior alone would choose."""
        return self._decided(self._prior)

    def weighed_with(self, chosen: int, *, lift: float) -> Decision:
        """What the prior and the model, which named the action at `chosen`, choose together."""
        return self._decided(posterior(self._prior, chosen, lift=lift))

    def only(self, action_id: str) -> Decision | None:
        """One action by the prior, None if it is not offered."""
        for action, share in zip(self.actions, self._prior, strict=True):
            if action.id == action_id:
                return Decision(action=action, confidence=share)
        return None

    @property
    def _prior(self) -> tuple[float, ...]:
        return shares([action.confidence for action in self.actions])

    def _decided(self, values: Sequence[float]) -> Decision:
        chosen = best(values)
        return Decision(action=self.actions[chosen], confidence=values[chosen])


def eligible(request: CognitiveRequest, catalogue: Catalogue) -> tuple[list[Action], list[str]]:
    """The actions that may be chosen, and a sentence for each that may not."""
    actions: dict[str, Action] = {}
    faults = []
    for action in request.actions:
        fault = catalogue.fault(action.command, request.garden) if action.command else None
        if action.id in actions:
            fault = "there is another action of this id"
        if fault is None:
            actions[action.id] = action
        else:
            faults.append(f"{action.id}: {fault}")
    return list(actions.values()), faults


def prompt_of(request: CognitiveRequest) -> str:
    """What the model completes: one short line, in which all that waves said is quoted, then `action:`."""
    said = dict.fromkeys(f"{quoted(fact.name)} {quoted(fact.value)}" for fact in request.facts)
    facts = ", ".join(list(said)[:MAX_PROMPT_FACTS]) or "none"
    return (
        f"region {request.region}; gate open {request.confidence:.2f}; "
        f"event {quoted(request.event)}; facts {facts}\naction:"
    )
