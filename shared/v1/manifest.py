"""Manifests: what a unit is, in a TOML file beside its code that a program can check.

A manifest is data. The thalamus reads vocabularies from it and cognition reads commands from it without
importing the unit's code.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema
from jsonschema.protocols import Validator
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.v1.errors import NimmerverseError, RefusedError
from shared.v1.messages.base import Label, Token
from shared.v1.subjects import Address

SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$"

JsonSchema = dict[str, Any]

_MAX_FAULT = 300  # characters; the message of jsonschema quotes the whole value


class ManifestError(NimmerverseError):
    """A manifest is wrong; the text names the file and the field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Region(_Part):
    """A region of meaning that a unit speaks about, and the labels that belong to it."""

    vocabulary: tuple[Label, ...] = ()
    tau_ms: int | None = Field(default=None, ge=10)
    threshold: float | None = Field(default=None, gt=0)


class Verb(_Part):
    """Something a unit can be asked to do. `arguments` is the JSON Schema of its request's fields."""

    description: str
    arguments: JsonSchema
    command: bool = False
    """True if cognition may command it; otherwise only people and programs ask."""

    @field_validator("arguments")
    @classmethod
    def _is_a_schema(cls, schema: JsonSchema) -> JsonSchema:
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"no JSON Schema: {error.message}") from None
        return schema

    def fault(self, arguments: Mapping[str, Any]) -> str | None:
        """What is wrong with `arguments`, as a sentence; None if nothing is."""
        error = jsonschema.exceptions.best_match(self._validator.iter_errors(dict(arguments)))
        if error is None:
            return None
        path = ".".join(str(part) for part in error.absolute_path)
        message = error.message
        if len(message) > _MAX_FAULT:  # it begins with the wrong value and ends with what is wrong
            message = f"{message[: _MAX_FAULT // 2]}…{message[-_MAX_FAULT // 2 :]}"
        return f"{path}: {message}" if path else message

    @property
    def _validator(self) -> Validator:
        return jsonschema.Draft202012Validator(self.arguments)


class Manifest(_Part):
    """What one version of one unit is."""

    name: Token
    version: str = Field(pattern=SEMVER)
    kind: Literal["sensor", "motor", "compute", "service"]
    description: str
    domain: Literal["nervous", "organs", "cognitive"] = "nervous"
    service: Token = "cells"
    regions: dict[Token, Region] = {}
    verbs: dict[Token, Verb] = {}
    lifeforce: dict[str, float] = {}

    @property
    def address(self) -> Address:
        """Where the unit stands on the bus. What is its own service has no third token: `cognitive.nyx`."""
        return Address(self.domain, self.service, "" if self.service == self.name else self.name)

    def matching(self, arguments: Mapping[str, Any]) -> str:
        """The verb whose schema accepts these arguments.

        Raises RefusedError with the fault of the only verb, or of the one that is named by `verb`.
        """
        asked = arguments.get("verb")
        rest = {key: value for key, value in arguments.items() if key != "verb"}
        if asked is not None:
            if not isinstance(asked, str) or asked not in self.verbs:
                raise RefusedError(
                    f"{self.name} has no verb {asked!r}: it has {', '.join(self.verbs)}", code=404
                )
            candidates: Iterable[str] = (asked,)
        else:
            candidates = self.verbs
        faults = {}
        for verb in candidates:
            fault = self.verbs[verb].fault(rest)
            if fault is None:
                return verb
            faults[verb] = fault
        if not faults:
            raise RefusedError(f"{self.name} answers no requests", code=404)
        raise RefusedError("; ".join(f"{verb}: {fault}" for verb, fault in faults.items()), code=422)


def load(path: Path) -> Manifest:
    """Read a manifest.toml. Raises ManifestError."""
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise ManifestError(f"{path}: {detail}") from None


def beside(module_file: str) -> Manifest:
    """The manifest in the folder of a unit's module: `beside(__file__)`."""
    return load(Path(module_file).with_name("manifest.toml"))


@cache
def installed(root: Path = Path(__file__).parents[2]) -> tuple[Manifest, ...]:
    """All manifests of this installation, `<package>/<unit>/v<N>/manifest.toml`, in order of address."""
    found = [
        load(path)
        for package in ("cells", "nerves", "organs")
        for path in sorted((root / package).glob("*/v*/manifest.toml"))
    ]
    return tuple(sorted(found, key=lambda manifest: (manifest.address.path, manifest.version)))
