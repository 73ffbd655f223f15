"""The default pool for classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..members.member import Factory
from ..pool.options import Options
from ..pool.task import Task
from .class_learner import ClassLearner
from .class_task import Classes
from .estimator import Parameter
from .guest_options import as_guests
from .recipes import find_recipe


class Classifier(ClassLearner):
    """A pool of small networks and cheap members that learns classes event by event, with labels that come late.

    Five spline networks over different memories and paces, two linear members, nearest neighbours over nested
    windows and label frequencies, mixed by exponential weights with fixed share over members and stackers.
    No step size needs tuning; one set of defaults serves every label delay.

    Parameters
    ----------
    classes : sequence, optional
        Labels known beforehand; others are added as they come. Labels that compare equal (1, 1.0 and True) are
        one class.
    seed : int
        Of the networks' initial weights.
    max_columns : int
        Input columns beyond this are ignored and counted.
    max_pending : int
        Most events that may wait for their label.
    events_per_false_alarm : float
        Budget of the drift alarms.
    categories : sequence of str
        Number columns whose values are names, not quantities. Columns with few values are found by themselves.
    coverage : float
        Share of the labels that prediction sets shall hold; 0 for none.
    p_values : bool
        Say of every event how rarely the recent past was as surprising.
    threads : int
        Over which the members of a chunk are spread. The results are the same bits for any number, so a state may
        go on with another.
    preset : {"default", "large"}
        Large has twice the units and two more networks, joining at events 2,048 and 4,096; 1.7 times the time.
    reaction : {"off", "young", "reopen"}
        To an alarm, within 512 events. Young adds a network that is restarted; the ledger shows what it brings. Reopen
        lets guests learn their shuffles anew.
    alarms : bool
        Watch for drift. Without it an event costs less, and there are no alarms; all else is the same.
    members : sequence
        Members of your own beside the others: classes derived from :class:`streamnn.members.Member` or
        :class:`streamnn.members.EventMember`, or functions that make one of a :class:`streamnn.members.Room`.
    guests : mapping of str to callable or Guest, optional
        Networks of your own beside the members, by name: ``make(inputs, outputs)`` that gives a torch module, or a
        :class:`streamnn.guests.Guest` that also says how it learns.

    Examples
    --------
    >>> model = Classifier()
    >>> for i in range(200):
    ...     model.learn_one({"a": i % 2, "b": 1.0}, "odd" if i % 2 else "even")
    >>> model.predict_one({"a": 1, "b": 1.0})
    'odd'
    >>> round(model.predict_proba_one({"a": 0, "b": 1.0})["even"], 1)
    1.0
    >>> Classifier(seed=2)
    Classifier(seed=2)
    """

    def __init__(
        self,
        classes: Sequence[Any] = (),
        seed: int = 1,
        max_columns: int = 4096,
        max_pending: int = 100_000,
        events_per_false_alarm: float = 10_000.0,
        categories: Sequence[str] = (),
        coverage: float = 0.0,
        p_values: bool = False,
        threads: int = 1,
        preset: str = "default",
        reaction: str = "off",
        alarms: bool = True,
        members: Sequence[Factory] = (),
        guests: Mapping[str, Any] | None = None,
    ):
        options = seed, max_columns, max_pending, events_per_false_alarm, categories, coverage, p_values
        shared = Options(*options, threads, preset, reaction, alarms, members)
        super().__init__(shared, classes=classes, guests=guests)

    guests = Parameter()

    @staticmethod
    def _task(options: Options, classes: Sequence[Any] = (), guests: Mapping[str, Any] | None = None) -> Task:
        recipe = find_recipe(options.preset, True, options.reaction == "young", as_guests(guests))
        return Classes(classes, recipe)
