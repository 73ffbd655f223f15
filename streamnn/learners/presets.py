"""The networks of the default pools."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ..errors import SpecError
from ..network.network import NetworkSpec

QUIET = 0.02
"""Labels given more than 98 % are not learnt from: half of the updates on an easy stream, at the same loss."""

CLASSIFIER = (
    NetworkSpec("net-known", rule="rms", step=0.001, skip_margin=QUIET, reads=("known", "x"), average=2000),
    NetworkSpec(
        "net-slow", rule="rms", step=0.0003, skip_margin=QUIET, reads=("context", "overdue"), average=20_000
    ),
    NetworkSpec(
        "net-factored",
        rule="factored",
        step=0.001,
        skip_margin=QUIET,
        reads=("context", "overdue"),
        average=2000,
    ),
    NetworkSpec("net-fast", rule="factored", step=0.01, skip_margin=QUIET, reads=("x", "x"), average=500),
    NetworkSpec(
        "net-lags",
        hidden=(32,),
        rule="factored",
        step=0.003,
        skip_margin=QUIET,
        reads=("lags", "lags"),
        categories=False,
        average=20_000,
    ),
)
"""The networks of the classifier. The first helps to fill the label history, so it reads known labels only."""

FILLERS = ("net-known", "net-known-mean", "logistic", "neighbours-512")
"""Members that stand in for labels that are not known yet: they do not read them."""

SOUND = ("net-known", "net-slow", "wide", "logistic")
"""Members of the classifier that do not go far wrong while labels are late."""


def odds(members: list[str], stackers: int) -> list[float]:
    """Prior odds of the classifier's members and stackers, the two Newton ones last: where little is known yet, they
    and sound members lead."""
    return [8.0 if m in SOUND else 1.0 for m in members] + [2.0] * (stackers - 2) + [8.0, 8.0]


LARGE_CLASSIFIER = (  # wider, and two that join once there is something to tell them apart by
    *(n if n.name == "net-lags" else replace(n, hidden=(128,)) for n in CLASSIFIER),
    NetworkSpec(
        "net-deep", (64, 32), "rms", 0.001, skip_margin=QUIET, reads=("context", "overdue"), average=2000
    ),
    NetworkSpec("net-long", (128,), "rms", 0.0003, skip_margin=QUIET, reads=("known", "x"), average=20_000),
)
YOUNG = "net-young"
"""The network that starts anew after alarms."""
YOUNG_CLASSIFIER = NetworkSpec(
    YOUNG, rule="factored", step=0.01, skip_margin=QUIET, reads=("context", "overdue"), average=500
)
REGRESSOR = (
    NetworkSpec("net-known", rule="rms", step=0.001, reads=("known", "x")),
    NetworkSpec("net-rms", rule="rms", step=0.001, reads=("x", "overdue")),
    NetworkSpec("net-deep", hidden=(64, 32), rule="rms", step=0.003, reads=("x", "overdue"), average=500),
    NetworkSpec(
        "net-context", hidden=(64, 32), rule="rms", step=0.001, reads=("context", "overdue"), average=1000
    ),
    NetworkSpec("net-row", rule="factored", step=0.003, reads=("x", "x"), average=20_000),
    NetworkSpec(
        "net-short",
        hidden=(32,),
        rule="factored",
        step=0.003,
        reads=("filled", "filled"),
        categories=False,
        average=20_000,
    ),
)
"""The networks of the regressor. The first fills the target history, so it reads known targets only."""


YOUNG_REGRESSOR = NetworkSpec(YOUNG, rule="rms", step=0.003, reads=("x", "overdue"), average=500)


class Preset(NamedTuple):
    """Networks of a pool, and the event from which on each of them is in it."""

    networks: tuple[NetworkSpec, ...]
    begins: tuple[int, ...]

    @property
    def members_begin(self) -> list[int]:
        """The same of each of the networks' members."""
        return [b for n, b in zip(*self, strict=True) for _ in n.members]


CLASSIFIERS = {
    "default": Preset(CLASSIFIER, (0,) * len(CLASSIFIER)),
    "large": Preset(LARGE_CLASSIFIER, (*(0,) * len(CLASSIFIER), 2048, 4096)),
}
REGRESSORS = {"default": Preset(REGRESSOR, (0,) * len(REGRESSOR))}


def find_preset(name: object, classify: bool, young: bool) -> Preset:
    """The networks of a preset, the young one last if it is asked for.

    Raises
    ------
    SpecError
    """
    known = CLASSIFIERS if classify else REGRESSORS
    if not isinstance(name, str) or name not in known:
        raise SpecError(f"learner option preset is {name!r}: allowed is {' or '.join(known)}")
    networks, begins = known[name]
    if young:
        networks, begins = (*networks, YOUNG_CLASSIFIER if classify else YOUNG_REGRESSOR), (*begins, 0)
    return Preset(networks, begins)
