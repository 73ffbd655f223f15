"""What all sections of a job spec have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from streamnn.errors import SchemaError
from streamnn.kinds.times import duration


def _in_seconds(value: Any) -> float:
    try:
        return duration(value)
    except SchemaError as error:
        raise ValueError(str(error)) from None


Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Duration = Annotated[float, BeforeValidator(_in_seconds), Field(gt=0)]
"""A number of seconds, or a text with units; held in seconds."""


class Section(BaseModel):
    """A table of the spec: unknown keys are refused, types are taken as they are written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
