"""A math cell's manifest and the textbook escalation, typed by hand."""

import tomllib
from datetime import UTC, datetime
from typing import Any

from cognition.commands import Catalogue
from cognition.function_gemma.sensed import Sensed
from shared.v1.manifest import Manifest
from shared.v1.messages import Escalation, Evidence
from shared.v1.states import Tier

MATH = """
name = "math"
version = "1.0.0"
kind = "compute"
description = "computes"

[regions.math]
vocabulary = ["calculate", "sum"]

[verbs.compute]
description = "computes with two or more numbers"
command = true
[verbs.compute.arguments]
type = "object"
required = ["operation", "operands"]
additionalProperties = false
[verbs.compute.arguments.properties.operation]
enum = ["add", "subtract", "multiply", "divide"]
[verbs.compute.arguments.properties.operands]
type = "array"
minItems = 2
items = { type = "number" }

[verbs.answer]
description = "answers a question in words"
command = true
[verbs.answer.arguments]
type = "object"
required = ["text"]
properties = { text = { type = "string" } }

[verbs.forget]
description = "people may ask it, cognition may not"
[verbs.forget.arguments]
type = "object"
"""

WHEELS = """
name = "wheels"
version = "1.0.0"
kind = "motor"
description = "drives"

[regions.math]

[verbs.stop]
description = "stops"
command = true
arguments = { type = "object" }
"""

QUESTION: dict[str, Any] = {
    "text": "what is 15 plus 27?",
    "operation": "add",
    "operands": [15, 27],
}


def unit(text: str = MATH, **changes: object) -> Manifest:
    return Manifest.model_validate(tomllib.loads(text) | changes)


def catalogue(*units: Manifest) -> Catalogue:
    return Catalogue.of(units or (unit(),))


def evidence(seq: int = 1, *, witness: str = "math", confidence: float = 0.6, **fields: Any) -> Evidence:
    given: dict[str, Any] = {
        "seq": seq,
        "witness": witness,
        "semantic": "calculate",
        "confidence": confidence,
        "valence": 1.0,
        "age_ms": 0,
        "contribution": 0.5,
        "id": f"w{seq}",
        "source": f"{witness}/1.0.0/a",
    }
    return Evidence.model_validate(given | fields)


def sensed(payload: Any, seq: int = 1, **fields: Any) -> Sensed:
    return Sensed(evidence=evidence(seq, **fields), id=f"w{seq}", payload=payload)


def escalation(*waves: Evidence, confidence: float = 0.8, seq: int = 17, garden: str = "real") -> Escalation:
    return Escalation(
        id=f"es:{garden}/math/{seq}",
        region="math",
        garden=garden,
        input_seq=seq,
        rules=0,
        at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        transition=f"tr:{garden}/math/{seq}",
        confidence=confidence,
        correlation=1.36,
        weight=0.1,
        tier=Tier.COGNITION,
        evidence=waves or (evidence(1), evidence(2, witness="adder", confidence=0.5)),
    )
