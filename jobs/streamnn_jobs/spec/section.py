"""What all sections of a job spec have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of the spec: unknown keys are refused, types are taken as they are written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
