"""What a user says of a network of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import SpecError, StreamnnError

ROWS_READ = {"x": ("x", "x"), "context": ("context", "x"), "history": ("known", "x")}
"""First and last block of the row that a guest reads, by the name of `rows`."""
ROADS = ("auto", "lowered", "traced", "eager")
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop")
GUEST_LOSSES = ("auto", "cross_entropy", "binary_cross_entropy", "mse", "l1", "huber")

Make = Callable[[int, int], Any]
"""``make(inputs, outputs)``: a new torch module of that width, or a :class:`streamnn.lowered.Plan`."""


@dataclass(frozen=True)
class Guest:
    """A network of the user's, and how it is to learn.

    Parameters
    ----------
    make : callable
        ``make(inputs, outputs)`` gives a new module: called at the first event, and again when there are more columns
        or classes. A factory and no instance, so that a checkpoint is arrays only and growth needs no knowledge of
        the module. For numbers `outputs` is 1.
    optimizer : str or callable
        ``"sgd"``, ``"adam"``, ``"adamw"`` or ``"rmsprop"``; or ``optimizer(parameters)`` that makes a
        ``torch.optim.Optimizer`` (`lr` and `optimizer_options` are not used then).
    lr : float
        Step size.
    optimizer_options : mapping
        Further options as torch names them: ``momentum``, ``weight_decay``, ``betas``, ``eps``, ``alpha``, ...
    loss : str or callable
        ``"auto"`` is cross-entropy for classes and Huber for numbers; ``"mse"``, ``"l1"``, ``"binary_cross_entropy"``
        (of a one-hot label); or ``loss(outputs, target, reduction="none")``, which is never lowered unless it is one
        of torch's own of these.
    rows : {"x", "context", "history"}
        What the network reads: standardised columns; context before them; or known labels and context before them.
    batch : int
        Labelled events to a step of the optimiser, in the order in which labels come.
    window : int
        0 for one row, shape (n, inputs); otherwise the last so many rows, shape (n, window, inputs), the event's own
        last and zeros before the stream began.
    time_first : bool
        The module takes (window, n, inputs).
    latent : str
        Name of the submodule whose input is the ground of surprise; the last Linear if not given.
    road : {"auto", "lowered", "traced", "eager"}
        Auto takes the fastest that can take the module.
    device : str
        Of torch, for the eager road.
    slope : float
        Every layer is kept within a certified Lipschitz bound of this; 0 is no limit.
    """

    make: Make
    optimizer: str | Callable[[Any], Any] = "adam"
    lr: float = 0.01
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    loss: str | Callable[..., Any] = "auto"
    rows: str = "x"
    batch: int = 1
    window: int = 0
    time_first: bool = False
    latent: str = ""
    road: str = "auto"
    device: str = "cpu"
    slope: float = 0.0
    mirrors: ClassVar[bool] = False
    """Whether its outputs are to be its inputs again."""

    def __post_init__(self) -> None:
        if not callable(self.make) or hasattr(type(self.make), "forward"):  # a module can be called, too
            raise _refused("make", self.make, "a function of (inputs, outputs) that makes a module")
        for name, allowed in (("rows", tuple(ROWS_READ)), ("road", ROADS)):
            if getattr(self, name) not in allowed:
                raise _refused(name, getattr(self, name), " or ".join(allowed))
        for name, names in (("optimizer", OPTIMIZERS), ("loss", GUEST_LOSSES)):
            v = getattr(self, name)
            if not callable(v) and v not in names:
                raise _refused(name, v, f"{', '.join(names)}, or a function")
        for name, kind, what in (
            ("optimizer_options", Mapping, "a mapping of names to values"),
            ("time_first", bool, "True or False"),
            ("latent", str, "the name of a submodule"),
            ("device", str, "the name of a device"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise _refused(name, getattr(self, name), what)
        for name, least in (("batch", 1), ("window", 0)):
            v = getattr(self, name)
            if not isinstance(v, int) or isinstance(v, bool) or v < least:
                raise _refused(name, v, f"a whole number of at least {least}")
        for name in ("lr", "slope"):
            v = getattr(self, name)
            if not isinstance(v, (int, float)) or isinstance(v, bool) or not 0 <= v < float("inf"):
                raise _refused(name, v, "a number of at least 0")

    def new(self, inputs: int, outputs: int) -> Any:
        """What `make` gives.

        Raises
        ------
        SpecError
            Where it raises; says what. Of streamnn's own errors, and where a package is missing, those.
        """
        try:
            return self.make(inputs, outputs)
        except (StreamnnError, ImportError):
            raise
        except Exception as error:  # the factory is the user's
            raise SpecError(
                f"a guest's make({inputs}, {outputs}) raised {type(error).__name__}: {error}"
            ) from error

    def loss_for(self, classify: bool) -> str | Callable[..., Any]:
        """What it learns by, where ``"auto"`` stands for what is usual with classes, numbers or rows given back."""
        if self.loss != "auto":
            return self.loss
        if self.mirrors:
            return "reconstruct"
        return "cross_entropy" if classify else "huber"

    @property
    def reads(self) -> tuple[str, str]:
        """First and last block of the row that it reads."""
        return ROWS_READ[self.rows]


class Mirror(Guest):
    """A guest that is to give its inputs back; its own loss is not used, see :mod:`streamnn.lowered.reconstruction`."""

    mirrors = True


class Mirrored:
    """``make(inputs)`` of an autoencoder as a guest's factory; it can be pickled where that can."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __call__(self, inputs: int, outputs: int) -> Any:
        """A new one; there are as many outputs as inputs."""
        return self.make(inputs)


def _refused(name: str, value: Any, allowed: str) -> SpecError:
    return SpecError(f"guest option {name} is {value!r}: allowed is {allowed}")
