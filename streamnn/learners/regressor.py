"""The default pool for number targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..members.member import Factory
from ..pool.options import Options
from ..pool.task import Task
from .estimator import Parameter
from .guest_options import as_guests
from .number_learner import NumberLearner
from .number_task import Number
from .recipes import find_recipe


class Regressor(NumberLearner):
    """A pool of small networks and linear members that learns a number event by event, with targets that come late.

    Targets are learnt with the Huber loss in units of their running mean and deviation, so their scale need not
    be known; members and least-squares stackers are mixed by exponential weights with fixed share.

    Parameters
    ----------
    seed : int
        Of the networks' initial weights.
    max_columns : int
        Input columns beyond this are ignored and counted.
    max_pending : int
        Most events that may wait for their target.
    events_per_false_alarm : float
        Budget of the drift alarms.
    categories : sequence of str
        Number columns whose values are names, not quantities. Columns with few values are found by themselves.
    coverage : float
        Share of the labels that prediction intervals shall hold; 0 for none.
    p_values : bool
        Say of every event how rarely the recent past was as surprising.
    threads : int
        Over which the members of a chunk are spread. The results are the same bits for any number, so a state may
        go on with another.
    preset : {"default"}
        More units bring forecasts of numbers nothing, so there is no other.
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
    >>> model = Regressor()
    >>> for i in range(500):
    ...     model.learn_one({"a": i % 5}, 10.0 + 2.0 * (i % 5))
    >>> round(model.predict_one({"a": 0}))  # what comes next
    10
    """

    def __init__(
        self,
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
        super().__init__(Options(*options, threads, preset, reaction, alarms, members), guests=guests)

    guests = Parameter()

    @staticmethod
    def _task(options: Options, guests: Mapping[str, Any] | None = None) -> Task:
        recipe = find_recipe(options.preset, False, options.reaction == "young", as_guests(guests))
        return Number(recipe)
