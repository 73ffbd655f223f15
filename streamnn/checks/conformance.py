"""The conformance suite: what every learner owes those who run it for months.

A learner is made by a callable without arguments. Its interface is river's, ``learn_one(x, y)``,
``predict_one(x)`` and for classes ``predict_proba_one(x)``; whoever offers more is held to more:

==============================================  =================================================================
``learn_many(columns, y)``                      the same bits as the loop
``predict_many(columns)``                       the same answers as the loop
``state_dict()``, ``load_state_dict(...)``      exact resume, looks leave no trace, nothing is shared
``observe(x)``, ``learn(t, y)``, ``expire(t)``  labels that come late, in any order, or never
==============================================  =================================================================

Examples
--------
>>> from streamnn.learners import Classifier
>>> ran = check_learner(Classifier, only=["probabilities add up to one"])
>>> ran
['probabilities add up to one']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import _labels, _late, _rows, _state
from ._data import CLASSES, NUMBERS, Make, Subject

__all__ = ["CHECKS", "Check", "check_learner"]


@dataclass(frozen=True)
class Check:
    """One property.

    Parameters
    ----------
    name : str
        The property in words.
    run : callable
        Takes a :class:`Subject`; raises AssertionError with what was seen.
    needs : tuple of str
        Methods without which it says nothing.
    tasks : tuple of str
        ``"classes"`` and ``"numbers"``.
    """

    name: str
    run: Callable[[Subject], None]
    needs: tuple[str, ...] = ()
    tasks: tuple[str, ...] = (CLASSES, NUMBERS)

    def applies(self, subject: Subject) -> bool:
        """Whether the learner is one that the property is about."""
        return subject.task in self.tasks and all(hasattr(subject.make(), m) for m in self.needs)


def _collect() -> dict[str, Check]:
    found: dict[str, Check] = {}
    for module in (_rows, _labels, _state, _late):
        for f in vars(module).values():
            if (
                callable(f)
                and getattr(f, "__module__", "") == module.__name__
                and f.__doc__
                and f.__name__[0] != "_"
            ):
                name = f.__doc__.splitlines()[0].rstrip(".")
                name = name[0].lower() + name[1:]
                found[name] = Check(name, f, **getattr(f, "about", {}))
    return found


CHECKS: dict[str, Check] = _collect()
"""Every property by name."""


def check_learner(make: Make, task: str = CLASSES, only: Iterable[str] | None = None) -> list[str]:
    """Hold a learner to every property that applies to it.

    Parameters
    ----------
    make : callable
        Makes a new learner, always the same.
    task : {"classes", "numbers"}
        What it learns.
    only : iterable of str, optional
        Names of properties; all by default.

    Returns
    -------
    list of str
        The properties that were checked. What is missing from ``CHECKS`` does not apply.

    Raises
    ------
    AssertionError
        Names the first property that does not hold, and what was seen.
    """
    subject = Subject(make, task)
    ran = []
    for name in CHECKS if only is None else only:
        check = CHECKS[name]
        if not check.applies(subject):
            continue
        try:
            check.run(subject)
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}") from e
        ran.append(name)
    return ran
