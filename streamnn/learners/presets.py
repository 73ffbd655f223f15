"""The networks of the default pools."""

from __future__ import annotations

from ..network.network import NetworkSpec

QUIET = 0.02
"""Labels given more than 98 % are not learnt from: half of the updates on an easy stream, at the same loss."""

CLASSIFIER = (
    NetworkSpec("net-known", rule="rms", step=0.001, quiet=QUIET, reads=("known", "x"), average=2000),
    NetworkSpec(
        "net-slow", rule="rms", step=0.0003, quiet=QUIET, reads=("context", "overdue"), average=20_000
    ),
    NetworkSpec(
        "net-factored", rule="factored", step=0.001, quiet=QUIET, reads=("context", "overdue"), average=2000
    ),
    NetworkSpec("net-fast", rule="factored", step=0.01, quiet=QUIET, reads=("x", "x"), average=500),
    NetworkSpec(
        "net-lags",
        hidden=(32,),
        rule="factored",
        step=0.003,
        quiet=QUIET,
        reads=("lags", "lags"),
        categories=False,
        average=20_000,
    ),
)
"""The networks of the classifier. The first fills the label history, so it reads known labels only."""

SOUND = ("net-known", "net-slow", "wide", "logistic")
"""Members of the classifier that do not go far wrong while labels are late."""


def odds(members: list[str], stackers: int) -> list[float]:
    """Prior odds of the classifier's members and stackers: where little is known yet, sound ones lead."""
    return [8.0 if m in SOUND else 1.0 for m in members] + [4.0] * stackers


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
