"""A torch module of one's own that learns classes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..guests.guest import Make
from ..pool.options import Options
from ..pool.task import Task
from .class_learner import ClassLearner
from .lone_guest import LoneGuest, new_guest
from .lone_tasks import LoneClasses
from .recipes import lone_recipe


class TorchClassifier(ClassLearner, LoneGuest):
    """A torch module, or any network of one's own, that learns classes event by event.

    Rows are encoded, labels may come late, and scores, surprise, alarms, calibration and state are as with
    :class:`Classifier`; beside it only logistic regression and label frequencies run, as controls. The module becomes compiled kernels where it can, and
    :meth:`explain` says which road it took and why.

    Parameters
    ----------
    make : callable
        ``make(inputs, outputs)`` gives a new module with one output a class, before any softmax. It is called at the first event, and again
        when there are more columns or classes: what was learnt keeps its place, with the optimiser's moments. Where more
        columns can't be had so, those of the first event are all there are; others are counted in `columns_refused`.
    optimizer : str or callable
        ``"sgd"``, ``"adam"``, ``"adamw"``, ``"rmsprop"``, or ``optimizer(parameters)`` that makes one of torch's.
    lr : float
        Step size.
    loss : str or callable
        ``"auto"`` is cross-entropy; ``"mse"``, ``"l1"``, ``"huber"``, ``"cross_entropy"``, ``"binary_cross_entropy"``, or
        ``loss(outputs, target, reduction="none")``.
    rows : {"x", "context", "history"}
        What the module reads: standardised columns; with context before them; or with known labels before both.
    batch : int
        Labelled events to a step of the optimiser.
    window : int
        0 for one row, otherwise so many last rows, the event's own last: shape (n, window, inputs).
    time_first : bool
        The module takes (window, n, inputs).
    latent : str
        Name of the submodule whose input is the ground of surprise; the last Linear if not given.
    road : {"auto", "lowered", "traced", "eager"}
        Auto takes the fastest that can take the module.
    device : str
        Of torch, on the eager road.
    slope : float
        Every layer is kept within a certified Lipschitz bound of this; 0 is no limit.
    optimizer_options : mapping, optional
        Further ones as torch names them.
    reaction : {"off", "reopen"}
        To an alarm, within 512 events. Reopen lets the module learn its shuffles anew.
    classes : sequence, optional
        Labels known beforehand; others are added as they come.
    seed : int
        Of the module's first weights.
    max_columns, max_pending, events_per_false_alarm, categories, coverage, p_values, threads, alarms
        As of :class:`Classifier`.

    Raises
    ------
    SpecError
        Names the option that is wrong.
    MissingPackage
        At the first event, where torch is not installed.

    Examples
    --------
    >>> from torch import nn
    >>> def make(inputs, outputs):
    ...     return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))
    >>> model = TorchClassifier(make)
    >>> model
    TorchClassifier(make=make)
    """

    def __init__(
        self,
        make: Make,
        optimizer: str | Callable[[Any], Any] = "adam",
        lr: float = 0.01,
        loss: str | Callable[..., Any] = "auto",
        rows: str = "x",
        batch: int = 1,
        window: int = 0,
        time_first: bool = False,
        latent: str = "",
        road: str = "auto",
        device: str = "cpu",
        slope: float = 0.0,
        optimizer_options: Mapping[str, Any] | None = None,
        reaction: str = "off",
        classes: Sequence[Any] = (),
        seed: int = 1,
        max_columns: int = 4096,
        max_pending: int = 100_000,
        events_per_false_alarm: float = 10_000.0,
        categories: Sequence[str] = (),
        coverage: float = 0.0,
        p_values: bool = False,
        threads: int = 1,
        alarms: bool = True,
    ):
        read = rows, batch, window, time_first, latent
        guest = make, optimizer, lr, loss, *read, road, device, slope, optimizer_options
        options = seed, max_columns, max_pending, events_per_false_alarm, categories, coverage, p_values
        shared = Options(*options, threads, reaction=reaction, alarms=alarms)
        LoneGuest.__init__(self, guest, shared, classes=classes)

    @staticmethod
    def _task(options: Options, classes: Sequence[Any] = (), **guest: Any) -> Task:
        return LoneClasses(classes, lone_recipe(new_guest(guest), True))
