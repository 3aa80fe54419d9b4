"""What the manifests of installed units declare and the rules do not know yet, as rule changes.

It goes through SENSES like any other rule change, so a replay learns it at the same place.
"""

from collections.abc import Sequence

from shared.v1.manifest import Manifest
from shared.v1.messages import RuleChange
from thalamus.rules import Rules


def missing_rules(rules: Rules, units: Sequence[Manifest]) -> list[RuleChange]:
    """The changes that would teach `rules` what `units` declare.

    What people have set stays: a label that is known keeps its region, and a region with rules of its own
    keeps them.
    """
    changes = []
    for unit in units:
        who = f"{unit.name}/{unit.version}"
        for region, declared in unit.regions.items():
            labels = {region: region, **dict.fromkeys(declared.vocabulary, region)}
            unknown = {label: to for label, to in labels.items() if label not in rules.vocabulary}
            has_own = (region, None) in rules.overlays
            tau_ms = None if has_own else declared.tau_ms
            threshold = None if has_own else declared.threshold
            if unknown or tau_ms is not None or threshold is not None:
                changes.append(
                    RuleChange(
                        region=region,
                        tau_ms=tau_ms,
                        threshold=threshold,
                        vocabulary=unknown,
                        who=who,
                        why="declared in the manifest",
                    )
                )
    return changes
