"""What cognition asks of a language model: one completion under a JSON Schema, in time, or an error.

The schema enumerates every choice. Who calls parses the completion again, because a model process may be
anything: old, broken, or under a grammar that llama.cpp silently dropped.
"""

from types import TracebackType
from typing import Protocol, Self

from shared.v1.errors import NimmerverseError
from shared.v1.manifest import JsonSchema

NO_MODEL = "none"


class ModelError(NimmerverseError):
    """A model was late or wrong; the text says how. `said` is what it said instead of an answer."""

    def __init__(self, reason: str, *, said: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said


class ModelAbsentError(ModelError):
    """There is no model to ask now. Nobody did wrong, so nothing is rejected."""


class Model(Protocol):
    """A model, opened by entering it."""

    @property
    def name(self) -> str:
        """What responses call it."""
        ...

    @property
    def detail(self) -> str:
        """A sentence for heartbeats: which model weighs, or why none."""
        ...

    async def complete(self, prompt: str, schema: JsonSchema, *, timeout_s: float) -> str:
        """The JSON text with which the model goes on after `prompt`. Raises ModelError."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class NoModel:
    """The absent model: every choice is made by the prior alone."""

    name = ""

    def __init__(self, reason: str) -> None:
        self.detail = f"no model weighs: {reason}"

    async def complete(self, prompt: str, schema: JsonSchema, *, timeout_s: float) -> str:
        raise ModelAbsentError(self.detail)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
