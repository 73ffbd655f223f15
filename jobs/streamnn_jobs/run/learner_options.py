"""From the section ``[learner]`` to the options of a learner: names checked, named functions found."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from streamnn.errors import SpecError

from ..spec.job import JobSpec
from ..spec.learner import LearnerSpec
from ..spec.load import suggest
from .named_code import named_function

_FUNCTIONS = ("make", "optimizer", "loss")
"""Options of a network that may name a function; they do where there is a colon."""


def learner_options(spec: JobSpec, kind: Callable[..., Any]) -> dict[str, Any]:
    """The options that `kind`, a learner, is made with.

    Raises
    ------
    SpecError
        Names the option that the learner does not know, or the function that can't be found.
    """
    learner = spec.learner
    extra = learner.model_extra or {}
    parameters = inspect.signature(kind).parameters.values()
    known = [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    if len(known) == len(parameters):
        _check_names(extra, known, "learner")
    out: dict[str, Any] = {
        "seed": learner.seed,
        "max_pending": spec.limits.pending,
        "categories": list(spec.features.categories),
    }
    if learner.make is not None:
        return out | _with_functions({"make": learner.make, **extra}, "learner")
    guests = _guests(learner)
    return out | extra | ({"guests": guests} if guests else {})


def _guests(learner: LearnerSpec) -> dict[str, Any]:
    if not learner.guests:
        return {}
    from streamnn.guests import Guest

    known = [f.name for f in dataclasses.fields(Guest)]
    out = {}
    for name, said in learner.guests.items():
        where = f"learner.guests.{name}"
        options = {"make": said} if isinstance(said, str) else said
        _check_names(options, known, where)
        found = _with_functions(options, where)
        try:
            out[name] = Guest(**found)
        except (SpecError, TypeError, ValueError) as e:
            raise SpecError(f"{where}: {e}") from e
    return out


def _check_names(options: Iterable[str], known: list[str], where: str) -> None:
    for name in options:
        if name not in known:
            raise SpecError(f"{where}.{name}: is not known; {suggest(name, known)}")


def _with_functions(options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Options with the functions that they name."""
    out = dict(options)
    for name in _FUNCTIONS:
        said = options.get(name)
        if isinstance(said, str) and (name == "make" or ":" in said):
            out[name] = named_function(said, f"{where}.{name}")
    return out
