"""What a job needs of a learner, and how one is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np

from streamnn.errors import SpecError
from streamnn.types import Chunk, Output

from ..spec.job import JobSpec
from .learner_options import learner_options


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
        Names the option that the learner does not know or does not take, or the function that can't be found.
    """
    from streamnn import learners

    classify = task == "classification"
    kind: Callable[..., Any]
    if spec.learner.kind == "torch":
        kind = learners.TorchClassifier if classify else learners.TorchRegressor
    else:
        kind = learners.Classifier if classify else learners.Regressor
    options = learner_options(spec, kind)
    try:
        return cast(Learner, kind(**options))
    except (TypeError, ValueError) as e:
        raise SpecError(f"learner: {e}") from e
