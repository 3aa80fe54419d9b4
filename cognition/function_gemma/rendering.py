"""The typed form that a model fills in: every choice enumerated from what exists, and parsed as strictly."""

from collections.abc import Sequence
from dataclasses import dataclass

import jsonschema
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from cognition.choice import best, posterior, shares
from cognition.model import ModelError
from cognition.quoting import quoted
from shared.v1.manifest import JsonSchema
from shared.v1.messages import Action, Escalation, Evidence
from shared.v1.states import Decider

MAX_LABELS = 16
MAX_PROMPT_WAVES = 8


class Said(BaseModel):
    """What a model chose."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    action: str
    target: str
    event: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What an escalation is called, and what the boundary would do about it."""

    event: str
    suggested: str
    rendered_by: Decider


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The choices that an escalation leaves. `labels` and `actions` have at least one member."""

    region: str
    labels: tuple[str, ...]
    label_prior: tuple[float, ...]
    actions: tuple[Action, ...]

    @property
    def schema(self) -> JsonSchema:
        """The JSON Schema of `Said`: one branch per action, because its target follows from it."""
        return {"anyOf": [self._branch(action) for action in self.actions]}

    def _branch(self, action: Action) -> JsonSchema:
        choices = {
            "action": [action.id],
            "target": [_target(action)],
            "event": list(self.labels),
            "region": [self.region],
        }
        return {
            "type": "object",
            "properties": {name: {"enum": values} for name, values in choices.items()},
            "required": list(choices),
            "additionalProperties": False,
        }

    def parse(self, text: str) -> Said:
        """Read what a model said. Raises ModelError unless it is one of the enumerated choices."""
        try:
            value = from_json(text, allow_inf_nan=False)
            jsonschema.Draft202012Validator(self.schema).validate(value)
            return Said.model_validate(value)
        except (ValueError, jsonschema.ValidationError):
            raise ModelError("the model chose none of what was offered", said=text) from None

    def by_rules(self) -> Rendering:
        """What the evidence alone would choose."""
        return Rendering(
            event=self.labels[best(self.label_prior)],
            suggested=self.actions[best(self._prior)].id,
            rendered_by=Decider.RULES,
        )

    def weighed_with(self, said: Said, *, lift: float) -> Rendering:
        """What the evidence and the model choose together."""
        action = [action.id for action in self.actions].index(said.action)
        label = self.labels.index(said.event)
        return Rendering(
            event=self.labels[best(posterior(self.label_prior, label, lift=lift))],
            suggested=self.actions[best(posterior(self._prior, action, lift=lift))].id,
            rendered_by=Decider.MODEL,
        )

    @property
    def _prior(self) -> list[float]:
        return [action.confidence for action in self.actions]


def form_of(escalation: Escalation, actions: tuple[Action, ...]) -> Form:
    """The form for an escalation. A label is as likely as the most confident wave that asserts it."""
    sure: dict[str, float] = {}
    for evidence in _asserting(escalation.evidence) or escalation.evidence:
        sure[evidence.semantic] = max(sure.get(evidence.semantic, 0.0), evidence.confidence)
    kept = sorted(sure.items(), key=lambda item: -item[1])[:MAX_LABELS] or [(escalation.region, 1.0)]
    return Form(
        region=escalation.region,
        labels=tuple(label for label, _ in kept),
        label_prior=shares([confidence for _, confidence in kept]),
        actions=actions,
    )


def prompt_of(escalation: Escalation) -> str:
    """What the model completes: one short line of evidence, newest waves last, then `action:`."""
    waves = ", ".join(
        f"{wave.witness} {quoted(wave.semantic)} {wave.valence * wave.confidence:+.2f}"
        for wave in escalation.evidence[-MAX_PROMPT_WAVES:]
    )
    return f"region {escalation.region}; gate open {escalation.confidence:.2f}; waves {waves}\naction:"


def _asserting(evidence: Sequence[Evidence]) -> list[Evidence]:
    return [wave for wave in evidence if wave.valence > 0]


def _target(action: Action) -> str:
    return action.command.target if action.command else ""
