"""A model's parameters, and fresh ones like it: what river asks of a model beside learning."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..state import Arrays
from ._river import join_river


class Parameter:
    """A parameter as an attribute: as it was given when the model was made."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, model: Any, owner: type) -> Any:
        return self if model is None else model._given[self._name]

    def __set__(self, model: Any, value: Any) -> None:
        raise AttributeError(
            f"{self._name} is given when a model is made: use clone({{{self._name!r}: {value!r}}})"
        )


class Estimator(ABC):
    """What has parameters, a state and copies."""

    _supervised = True
    _multiclass = True

    def __new__(cls, *args: Any, **options: Any) -> Self:
        join_river(cls)
        return super().__new__(cls)

    @property
    @abstractmethod
    def _given(self) -> dict[str, Any]:
        """Parameters by name, as they were given."""

    @abstractmethod
    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Everything a later prediction depends on."""

    @abstractmethod
    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a saved state."""

    def _get_params(self) -> dict[str, Any]:
        given, names = self._given, list[str]()
        for name, parameter in inspect.signature(type(self)).parameters.items():
            names += given if parameter.kind is parameter.VAR_KEYWORD else [name]
        return {k: _listed(given[k] if k in given else getattr(self, k)) for k in names}

    def __repr__(self) -> str:
        usual: dict[str, Any] = {}
        for kind in reversed(type(self).__mro__):
            if "__init__" in vars(kind):
                made = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
                usual |= {k: _listed(p.default) for k, p in made.items()}
        said = [f"{k}={_written(v)}" for k, v in self._get_params().items() if v != usual[k]]
        return f"{type(self).__name__}({', '.join(said)})"

    def clone(self, new_params: Mapping[str, Any] | None = None, include_attributes: bool = False) -> Self:
        """A fresh model of the same parameters.

        Parameters
        ----------
        new_params : mapping, optional
            Parameters that shall be others.
        include_attributes : bool
            Whether it goes on from this one's state, which other parameters must fit.

        Examples
        --------
        >>> from streamnn import Classifier
        >>> Classifier(seed=7).clone({"max_pending": 10})
        Classifier(seed=7, max_pending=10)
        """
        params = {k: copy.deepcopy(v) for k, v in self._get_params().items()}
        fresh = type(self)(**{**params, **(new_params or {})})
        if include_attributes:
            fresh.load_state_dict(*self.state_dict())
        return fresh

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # two that share arrays would each break the other

    @property
    def _tags(self) -> set[str]:
        return set()

    @property
    def _raw_memory_usage(self) -> int:
        return sum(a.nbytes for a in self.state_dict()[0].values())


def _listed(value: Any) -> Any:
    """Tuples as lists: river takes a tuple for a class and its parameters."""
    return list(value) if isinstance(value, tuple) else value


def _written(value: Any) -> str:
    """As it is written in Python; classes and functions by their names."""
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_written, value))
        return f"[{inner}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k!r}: {_written(v)}' for k, v in value.items())}}}"
    return getattr(value, "__name__", None) or repr(value)
