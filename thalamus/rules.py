"""Thresholds and vocabulary: the part of the state that people change, by messages.

What holds for a gate is the default, overlaid by what was said for all, for its garden, for its region,
and for its region in its garden, in this order.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange
from shared.v1.subjects import SubjectError, token_of

Scope = tuple[str | None, str | None]  # region, garden


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What holds for one gate. Section "The gate rule" of the documentation names the symbols."""

    tau_ms: int = 1500  # τ
    threshold: float = 1.0  # θ, nats
    hysteresis: float = 0.6  # h
    threshold_closed: float = 1.0  # θ_c, nats
    refractory_ms: int = 0
    habituation: float = 2.0  # γ, 0 is none


DEFAULT = GateRules()
VIRTUAL_THRESHOLD = 0.7
"""θ of virtual gardens: they learn by opening often."""

_FIELDS = ("tau_ms", "threshold", "hysteresis", "threshold_closed", "refractory_ms", "habituation")


@dataclass(slots=True)
class Rules:
    """All rules of an organism. `version` is the position in SENSES of the newest change, 0 at first."""

    version: int = 0
    vocabulary: dict[str, str] = field(default_factory=dict)
    overlays: dict[Scope, dict[str, Any]] = field(default_factory=dict)
    history: list[tuple[int, RuleChange]] = field(default_factory=list)  # positions and changes, oldest first

    def region_of(self, label: str) -> str:
        """The region a label belongs to: by vocabulary, else the region that it founds itself."""
        known = self.vocabulary.get(label)
        if known is not None:
            return known
        try:
            token = token_of(label)
        except SubjectError:  # nothing of it fits into a subject, like a label in another script
            return f"label-{hashlib.sha256(label.encode()).hexdigest()[:12]}"
        return self.vocabulary.get(token, token)

    def declared(self) -> set[str]:
        """The regions that somebody has named in a vocabulary or given rules. For membership only."""
        return set(self.vocabulary.values()) | {region for region, _ in self.overlays if region is not None}

    def of(self, region: str, garden: str) -> GateRules:
        """What holds for the gate of a region in a garden."""
        kind = garden.split(".")[0]
        rules = replace(DEFAULT, threshold=VIRTUAL_THRESHOLD) if kind == "virtual" else DEFAULT
        gardens = [None, kind] if garden == kind else [None, kind, garden]
        scopes = [(None, scope) for scope in gardens] + [(region, scope) for scope in gardens]
        for scope in scopes:
            overlay = self.overlays.get(scope)
            if overlay:
                rules = replace(rules, **overlay)
        return rules

    def change(self, change: RuleChange, seq: int) -> None:
        """Take over a rule change that stands at `seq` in SENSES.

        Raises RefusedError, with nothing changed, if it goes back to a change that never was.
        """
        if change.rollback_to is not None:
            earlier = self._as_of(change.rollback_to)
            self.vocabulary, self.overlays = earlier.vocabulary, earlier.overlays
        self.version = seq
        self.history.append((seq, change))
        self.vocabulary.update(change.vocabulary)
        given = {name: getattr(change, name) for name in _FIELDS if getattr(change, name) is not None}
        if given:
            self.overlays.setdefault((change.region, change.garden), {}).update(given)

    def _as_of(self, version: int) -> "Rules":
        """The rules as they were after the change at a position; 0 are the defaults."""
        known = [seq for seq, _ in self.history]
        if version != 0 and version not in known:
            raise RefusedError(
                f"rollback_to is {version}: it must be 0 or the position of a rule change, "
                f"of which the newest are {', '.join(map(str, known[-8:])) or 'none yet'}"
            )
        rules = Rules()
        for seq, change in self.history:
            if seq <= version:
                rules.change(change, seq)
        return rules
