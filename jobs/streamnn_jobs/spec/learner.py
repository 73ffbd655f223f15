"""The section of a job spec that says what learns: a pool, or a network of the user's own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from .section import Section

Task = Literal["auto", "classification", "regression"]


class LearnerSpec(Section):
    """``[learner]``: the task, the seed, a network of one's own, and any option of the learner.

    Examples
    --------
    >>> LearnerSpec(kind="torch", make="my_package.nets:mlp", lr=0.003).model_extra
    {'lr': 0.003}
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    task: Task = Field(default="auto", description="auto, classification or regression")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=1, description="a whole number from 0 to 4294967295"
    )
    kind: Literal["pool", "torch"] = Field(
        default="pool", description="pool, or torch: a network of your own alone"
    )
    make: str | None = Field(
        default=None,
        description="package.module:function that makes the torch module, with kind = torch; it is imported and run",
    )
    guests: dict[str, str | dict[str, Any]] = Field(
        default={},
        description="a table of names and package.module:function, or a table of make and options: networks of your own "
        "in the pool; they are imported and run",
    )

    @model_validator(mode="after")
    def _reserved(self) -> LearnerSpec:
        for name, field in (("max_pending", "limits.pending"), ("categories", "features.categories")):
            if name in (self.model_extra or {}):
                raise ValueError(f"{name}: is set by {field}, which other parts of a job obey too: set that")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> LearnerSpec:
        if self.kind == "torch":
            if self.make is None:
                raise ValueError("make: is missing; kind = torch needs a package.module:function")
            if self.guests:
                raise ValueError("guests: go with kind = pool; a learner of kind torch is one network")
        elif self.make is not None:
            raise ValueError("make: goes with kind = torch; in a pool it is a guest: [learner.guests]")
        for name, guest in self.guests.items():
            if isinstance(guest, dict) and not isinstance(guest.get("make"), str):
                raise ValueError(f"guests.{name}.make: is missing; a package.module:function")
        return self

    @property
    def imports(self) -> bool:
        """Whether code of the user's is named."""
        return self.make is not None or bool(self.guests)
