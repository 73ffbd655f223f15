"""What the default pools are mixed from: a list of members each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from ..errors import SpecError
from ..guests.guest import Guest
from ..members.frequencies import Frequencies
from ..members.least_squares import LeastSquares
from ..members.member import Factory
from ..members.neighbours import Neighbours, ValueNeighbours
from ..members.network_member import NetworkMember
from ..members.wide import Wide
from ..network.spec import NetworkSpec
from ..pool.reaction import RESTARTED
from ..pool.task import Recipe
from .guest_options import guest_factory, saved_guest

SKIP_MARGIN = 0.02
"""Labels given more than 98 % are not learnt from: half of the updates on an easy stream, at the same loss."""
WATCHED = {True: "net-slow", False: "net-row"}
"""The network, of a classifier and of a regressor, whose last hidden layer is the ground of surprise."""

CLASSIFIER_NETWORKS = (
    NetworkSpec(
        "net-known", rule="rms", step=0.001, skip_margin=SKIP_MARGIN, reads=("known", "x"), average=2000
    ),
    NetworkSpec(
        "net-slow",
        rule="rms",
        step=0.0003,
        skip_margin=SKIP_MARGIN,
        reads=("context", "overdue"),
        average=20_000,
    ),
    NetworkSpec(
        "net-factored",
        rule="factored",
        step=0.001,
        skip_margin=SKIP_MARGIN,
        reads=("context", "overdue"),
        average=2000,
    ),
    NetworkSpec(
        "net-fast", rule="factored", step=0.01, skip_margin=SKIP_MARGIN, reads=("x", "x"), average=500
    ),
    NetworkSpec(
        "net-lags",
        hidden=(32,),
        rule="factored",
        step=0.003,
        skip_margin=SKIP_MARGIN,
        reads=("lags", "lags"),
        categories=False,
        average=20_000,
    ),
)
"""The networks of the classifier. The first helps to fill the label history, so it reads known labels only."""

LARGE_NETWORKS = (  # wider, and two that join once there is something to tell them apart by
    *(n if n.name == "net-lags" else replace(n, hidden=(128,)) for n in CLASSIFIER_NETWORKS),
    NetworkSpec(
        "net-deep",
        (64, 32),
        "rms",
        0.001,
        skip_margin=SKIP_MARGIN,
        reads=("context", "overdue"),
        average=2000,
    ),
    NetworkSpec(
        "net-long", (128,), "rms", 0.0003, skip_margin=SKIP_MARGIN, reads=("known", "x"), average=20_000
    ),
)
LARGE_BEGINS = (*(0,) * len(CLASSIFIER_NETWORKS), 2048, 4096)
"""The event from which on each of them predicts."""
REGRESSOR_NETWORKS = (
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
        reads=("imputed", "imputed"),
        categories=False,
        average=20_000,
    ),
)
"""The networks of the regressor. The first fills the target history, so it reads known targets only."""
RESTARTED_NETWORKS = {
    True: NetworkSpec(
        RESTARTED,
        rule="factored",
        step=0.01,
        skip_margin=SKIP_MARGIN,
        reads=("context", "overdue"),
        average=500,
    ),
    False: NetworkSpec(RESTARTED, rule="rms", step=0.003, reads=("x", "overdue"), average=500),
}
"""The network of a classifier and of a regressor that is restarted after alarms."""

CLASSIFIER_MEMBERS: tuple[Factory, ...] = (
    partial(Wide, "wide", ("context", "residual"), True),
    partial(Wide, "logistic", ("x", "x"), False),
    Neighbours,
    Frequencies,
)
"""What the classifier has beside its networks."""
REGRESSOR_MEMBERS: tuple[Factory, ...] = (
    LeastSquares,
    ValueNeighbours,
    partial(Wide, "wide", ("x", "residual"), True),
)
"""What the regressor has beside its networks."""

LONE = "guest"
"""Name of the member that is a pool by itself."""
LONE_CONTROLS: dict[bool, tuple[Factory, ...]] = {
    True: (partial(Wide, "logistic", ("x", "x"), False), Frequencies),
    False: (LeastSquares,),
}
"""Members beside it, of a classifier and of a regressor."""

IMPUTERS = {True: ("net-known", "net-known-mean", "logistic", "neighbours-512"), False: ("net-known",)}
"""Predictions of a classifier and of a regressor that stand in for labels not known yet: their members do not read what
they stand in for. The regressor's is its first."""
CONTROLS = {True: ("logistic", "majority", "no-change"), False: ("linear", "last", "mean")}
"""Predictions of a classifier and of a regressor that its scores are set beside."""
_SOUND = ("net-known", "net-slow", "wide", "logistic")
PRIOR_ODDS = {**dict.fromkeys(_SOUND, 8.0), "stack-newton-0.001": 8.0, "stack-newton-0.0001": 8.0}
"""Prior odds of a classifier's experts, where they are not 1 for a member and 2 for a stacker: while labels are late and
little is known, these do not go far wrong (`benchmarks/delays.py`)."""


def networks(classify: bool, specs: Sequence[NetworkSpec], begins: Sequence[int] = ()) -> list[Factory]:
    """Networks as members of a pool; `begins` are the events from which on they predict, 0 if not given."""
    begins = begins or [0] * len(specs)
    watched = WATCHED[classify]
    return [
        partial(NetworkMember, spec, b, spec.name == watched) for spec, b in zip(specs, begins, strict=True)
    ]


PRESETS: dict[bool, dict[str, list[Factory]]] = {
    True: {
        "default": networks(True, CLASSIFIER_NETWORKS),
        "large": networks(True, LARGE_NETWORKS, LARGE_BEGINS),
    },
    False: {"default": networks(False, REGRESSOR_NETWORKS)},
}
"""Networks of a classifier and of a regressor by the name of the preset."""


def find_recipe(preset: object, classify: bool, restarted: bool, guests: Mapping[str, Guest]) -> Recipe:
    """The members of a preset, the network that alarms restart if it is asked for, and guests by name.

    Raises
    ------
    SpecError
    """
    known = PRESETS[classify]
    if not isinstance(preset, str) or preset not in known:
        raise SpecError(f"learner option preset is {preset!r}: allowed is {' or '.join(known)}")
    more = networks(classify, [RESTARTED_NETWORKS[classify]]) if restarted else []
    members = (*known[preset], *more, *(CLASSIFIER_MEMBERS if classify else REGRESSOR_MEMBERS))
    options = {"guests": {name: saved_guest(g) for name, g in guests.items()}} if guests else {}
    members += tuple(guest_factory(guest, name) for name, guest in guests.items())
    return Recipe(members, IMPUTERS[classify], CONTROLS[classify], options)


def lone_recipe(guest: Guest, classify: bool) -> Recipe:
    """A guest by itself, with controls that its scores are set beside.

    No member reads labels that are imputed, but the linear control of numbers, for which the first member's
    predictions stand in; so nothing imputes classes.
    """
    controls = LONE_CONTROLS[classify]
    members = (guest_factory(guest, LONE, watched=True), *controls)
    return Recipe(members, (), CONTROLS[classify], saved_guest(guest))
