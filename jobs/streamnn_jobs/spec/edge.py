"""The section of a job spec that says what is published for devices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .section import Count, Section

PUBLISHING = ("publish", "keep")
"""Fields that decide where artefacts go, not what is in them."""


class EdgeSpec(Section):
    """``[edge]``: a student learns beside the pool, and is published as integers; its presence switches it on.

    Examples
    --------
    >>> EdgeSpec(weights=4, hidden=[64, 32]).options()["hidden"]
    (64, 32)
    """

    weights: Annotated[int, Field(ge=3, le=8)] = Field(
        default=8, description="a whole number from 3 to 8: bits of a weight"
    )
    network: Literal["spline", "sign", "ternary", "binary"] = Field(
        default="spline",
        description="spline, sign (8-bit first layer, then additions only), ternary or binary: kind of the network",
    )
    hidden: list[Count] = Field(
        default=[],
        description="a list of whole numbers, 1 or more: units of each hidden layer; by default 32, 64 where there are more "
        "than 128 columns, 64 and 32 for a number",
    )
    target: Literal["half", "labels", "pool"] = Field(
        default="half",
        description="half (of each), labels, or pool (its forecasts): what the student learns from",
    )
    history: bool = Field(
        default=False,
        description="true or false: whether labels reach the device, and the last ones are an input",
    )
    learning: Literal["auto", "off", "bias", "layer"] = Field(
        default="auto",
        description="auto (what scored best in the field), off, bias (a number a class) or layer (the last one): what "
        "the device learns from labels",
    )
    every: Annotated[int, Field(ge=64)] = Field(
        default=5000, description="a whole number, 64 or more: labels learnt between publications"
    )
    first: list[Count] = Field(
        default=[64, 128, 256, 512, 1000, 2000, 3500],
        description="a list of rising whole numbers: labels learnt at which the first publications come",
    )
    limit: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="a number above 0: an artefact is refused while the one in the field has a loss above it, as it always is "
        "while that is above the majority's",
    )
    reservoir: Annotated[int, Field(ge=64)] = Field(
        default=20_000,
        description="a whole number, 64 or more: last events that are kept to learn from again",
    )
    passes: Count = Field(
        default=4, description="a whole number, 1 or more: how often they are learnt from for a publication"
    )
    sensors: dict[str, Annotated[int, Field(ge=-30, le=30)]] = Field(
        default={},
        description="a table of columns and the fraction bits of the integers that sensors deliver; told from the values "
        "for others",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=1, description="a whole number from 0 to 4294967295"
    )
    publish: str | None = Field(default=None, description="a folder for the artefacts that are not refused")
    keep: Count = Field(
        default=20, description="a whole number, 1 or more: how many artefacts stay in that folder"
    )

    def options(self) -> dict[str, Any]:
        """What the student is made of: every field but those of the folder."""
        found = self.model_dump(exclude=set(PUBLISHING))
        return found | {"hidden": tuple(self.hidden), "first": tuple(self.first)}

    def learning_fields(self) -> dict[str, Any]:
        """Fields that decide what is learnt and published, as plain data."""
        return self.model_dump(mode="json", exclude=set(PUBLISHING))
