"""What all messages share: frozen, unknown fields ignored, one JSON form, refusals in sentences.

The description of a field says what its value must be, because it becomes the sentence of a refusal
("confidence is 7: it must be a number from 0 to 1") as well as a line of the published schema.
"""

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, from_json

from shared.v1.errors import RefusedError

MAX_SHOWN = 80  # characters of a wrong value that a refusal quotes

_MAX_DEPTH = 200  # levels that the parser of pydantic takes

Unit = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
SignedUnit = Annotated[float, Field(strict=True, ge=-1, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=256)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
Token = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]
Garden = Annotated[str, StringConstraints(pattern=r"^(real|virtual(\.[a-z0-9_-]{1,64})?)$")]
Millis = Annotated[int, Field(strict=True, ge=0)]


def _utc_milliseconds(moment: AwareDatetime) -> AwareDatetime:
    # Time in the fold is integer milliseconds; a finer time would be shown but not used.
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the year in UTC is not between 1 and 9999") from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


Moment = Annotated[AwareDatetime, AfterValidator(_utc_milliseconds)]


class Wire(BaseModel):
    """A message body: one flat JSON object."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, ser_json_inf_nan="null", populate_by_name=True
    )

    example: ClassVar[str] = ""
    """A body that can be typed by hand, for messages that people type."""

    def to_bytes(self) -> bytes:
        """The canonical JSON: fields in declared order, no blanks; equal messages give equal bytes."""
        return self.model_dump_json(by_alias=True).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read a body. Raises RefusedError with one sentence that says what to change."""
        return cls.from_fields(json_object(body, cls.example))

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read decoded JSON fields. Raises RefusedError with one sentence that says what to change."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise RefusedError(_sentence(cls, error.errors(include_url=False)), code=422) from None


def json_object(body: bytes, example: str = "") -> dict[str, Any]:
    """Decode a body that must be one JSON object; a refusal shows `example`. Raises RefusedError."""
    hint = f", for example {example}" if example else ""
    if not body.strip():
        raise RefusedError(f"the body is empty: send a JSON object{hint}")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RefusedError(_not_json(body, str(error), hint)) from None
    if not isinstance(value, dict):
        raise RefusedError(f"the body is a JSON {_json_type(value)}: send an object{hint}")
    return value


def _not_json(body: bytes, error: str, hint: str) -> str:
    if "recursion limit" in error:
        return f"the body is nested too deep ({error}): send an object of at most {_MAX_DEPTH} levels"
    try:
        from_json(body, allow_inf_nan=True)
    except ValueError:
        return f"the body is not JSON ({error}): send one JSON object in UTF-8{hint}"
    return f"the body has a NaN or an Infinity ({error}), which is no JSON: send a number, or leave it out"


def _sentence(cls: type[BaseModel], errors: list[ErrorDetails]) -> str:
    first = errors[0]
    path = ".".join(str(part) for part in first["loc"]) or "the body"
    field = cls.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    if field is None:  # the error names the alias
        field = next(
            (f for f in cls.model_fields.values() if first["loc"] and f.alias == first["loc"][0]), None
        )
    must = field.description if field is not None and field.description else first["msg"].lower()
    if first["type"] == "missing":
        sentence = f"{path} is missing: it must be {must}"
    else:
        shown = json.dumps(first["input"], default=str, ensure_ascii=False)
        if len(shown) > MAX_SHOWN:
            shown = shown[:MAX_SHOWN] + "…"
        sentence = f"{path} is {shown}: it must be {must}"
    others = sorted({str(error["loc"][0]) for error in errors[1:] if error["loc"]} - {path})
    return sentence + (f" (also wrong: {', '.join(others)})" if others else "")


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "null"
