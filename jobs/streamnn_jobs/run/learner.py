"""What a job needs of a learner, and how one is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np

from streamnn.errors import SpecError
from streamnn.types import Chunk, Output

from ..spec.job import JobSpec
from ..spec.load import suggest


class Learner(Protocol):
    """The learner's side of the contract; see :mod:`streamnn.learners`."""

    next_ticket: int

    @property
    def pending(self) -> int: ...
    @property
    def classes(self) -> list[Any]: ...
    def run(self, chunk: Chunk) -> Output: ...
    def look(self, columns: dict[str, np.ndarray]) -> Output: ...
    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]: ...
    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None: ...
    def state_hash(self) -> str: ...
    def scores(self) -> dict[str, Any]: ...
    def regrets(self) -> list[dict[str, Any]]: ...
    def history(self) -> dict[str, Any]: ...
    def networks(self) -> list[dict[str, Any]]: ...
    def missing(self) -> dict[str, int]: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def columns_refused(self) -> int: ...


MakeLearner = Callable[[JobSpec, str], Learner]


def make_learner(spec: JobSpec, task: str) -> Learner:
    """The learner of a spec.

    Raises
    ------
    SpecError
        Names the option that the learner does not know or does not take.
    """
    from streamnn import learners

    kind: Callable[..., Any] = learners.Classifier if task == "classification" else learners.Regressor
    extra = spec.learner.model_extra or {}
    options = {
        "seed": spec.learner.seed,
        "max_pending": spec.limits.pending,
        "categories": list(spec.features.categories),
        **extra,
    }
    parameters = inspect.signature(kind).parameters.values()
    known = [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    if len(known) == len(parameters):
        for name in extra:
            if name not in known:
                raise SpecError(f"learner.{name}: is not known; {suggest(name, known)}")
    try:
        return cast(Learner, kind(**options))
    except (TypeError, ValueError) as e:
        raise SpecError(f"learner: {e}") from e
