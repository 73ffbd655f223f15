"""What all sections of a job spec have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the spec: unknown keys are refused, types are taken as they are written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
