"""Which road the networks of one's own in a spec take, found by learning a few records with each alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from streamnn_connectors.base import Batch

from ..spec.job import JobSpec
from ..spec.learner import LearnerSpec
from .learner import make_learner
from .warmup import tried


class Road(NamedTuple):
    """What a network becomes.

    Parameters
    ----------
    name : str
        Of a guest; empty where the network is the learner.
    explanation : streamnn.guests.explain.Explanation
    """

    name: str
    explanation: Any

    @property
    def title(self) -> str:
        """How it is called in a line for a person."""
        return f"guest {self.name}" if self.name else "network"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        e = self.explanation
        return {
            "name": self.name,
            "road": e.road,
            "reason": e.reason,
            "operations": list(e.operations),
            "parameters": {name: list(shape) for name, shape in e.parameters},
            "optimiser": e.optimiser,
            "loss": e.loss,
        }


def roads(spec: JobSpec, task: str, probe: Batch) -> list[Road]:
    """The roads of the network, or of the guests, of a spec.

    Raises
    ------
    SpecError
        Where one can't be a learner, or can't take the road that it asks for.
    """
    found = []
    for name, learner in _alone(spec.learner).items():
        one = spec.model_copy(update={"learner": learner, "edge": None})
        model: Any = tried(one, task, make_learner, probe).learner
        found.append(Road(name, model.explain()))
    return found


def _alone(learner: LearnerSpec) -> dict[str, LearnerSpec]:
    """Each network as the only one."""
    if learner.make is not None:
        return {"": learner}
    out = {}
    for name, said in learner.guests.items():
        options = {"make": said} if isinstance(said, str) else said
        out[name] = LearnerSpec(task=learner.task, seed=learner.seed, kind="torch", **options)
    return out
