"""A network of the user's as a learner by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from ..errors import SpecError, StateError
from ..guests.guest import Guest
from ..members.member import Member
from ..pool.options import Options
from .estimator import Parameter
from .learner import Learner
from .turns import in_turn

if TYPE_CHECKING:
    from ..guests.explain import Explanation

_SETTINGS = (
    "make", "optimizer", "lr", "loss", "rows", "batch", "window", "time_first", "latent", "road", "device", "slope",
    "optimizer_options",
)  # fmt: skip


class LoneGuest(Learner):
    """A face over a pool of one: the guest's prediction is the answer, and all else is as with any pool.

    Parameters
    ----------
    guest : tuple
        Arguments of :class:`streamnn.guests.Guest`, in the order in which the learners have them.
    options : Options
    task_options : dict
        Of the task alone.
    """

    make, optimizer, lr, loss = Parameter(), Parameter(), Parameter(), Parameter()
    rows, batch, window, time_first = Parameter(), Parameter(), Parameter(), Parameter()
    latent, road, device, slope = Parameter(), Parameter(), Parameter(), Parameter()
    optimizer_options = Parameter()

    def __init__(self, guest: tuple[Any, ...], options: Options, **task_options: Any) -> None:
        if options.reaction == "young":
            raise SpecError(
                "learner option reaction is 'young': allowed is off or reopen, there is no young network"
            )
        super().__init__(options, **dict(zip(_SETTINGS, guest, strict=True)), **task_options)

    def _usual(self) -> Self:
        make: Any = type(self)
        usual: Self = make(self._given["make"])
        return usual

    @property
    def _guest(self) -> Guest:
        return new_guest({name: getattr(self, name) for name in _SETTINGS})

    @property
    def _member(self) -> Member:
        if not self._pool.started:
            raise StateError("there is no network before the first event")
        return self._pool.members[0]

    @property
    def module(self) -> Any:
        """A torch module with what has been learnt so far: a copy, in eval mode.

        It reads what :meth:`encoded` gives of the blocks that ``rows`` names, and gives what `make`'s own gives.
        """
        return self._read_module()

    @in_turn
    def _read_module(self) -> Any:
        from ..guests.warm_start import module_of

        return module_of(self._guest, self._member, self._options.seed)

    def load_module(self, module: Any) -> None:
        """Go on with the weights of a module, which is as wide as the one that learns; moments stay as they are.

        Raises
        ------
        StateError
            Before the first event; or names the parameter that does not fit, and nothing has changed.
        """
        from ..guests.warm_start import take_module

        if self._read_only is not None:
            self._load(*self._read_only, keep=False)
        take_module(self._member, module)
        self._pool.grown += 1  # arrays may be others now

    def explain(self) -> Explanation:
        """Which road the module takes and why, and what it is made of; printed, it is what a user reads.

        Raises
        ------
        StateError
            Before the first event: until then nobody knows how wide the module is.
        """
        from ..guests.explain import explain

        member, pool, guest = self._member, self._pool, self._guest
        inputs = max(pool.layout.width(member.reads), 1)
        outputs = pool.task.width if pool.task.classify else 1
        found = explain(guest, inputs, outputs)
        road = getattr(member, "road", found.road)
        if found.road == "lowered" != road:  # it goes on from a state that torch has learnt
            found = explain(replace(guest, road=road), inputs, outputs)
        return found


def new_guest(given: dict[str, Any]) -> Guest:
    """The guest of a learner's options.

    Raises
    ------
    SpecError
        Names the option that is wrong.
    """
    return Guest(**{**given, "optimizer_options": given["optimizer_options"] or {}})
