"""The networks of the default pools."""

from __future__ import annotations

from ..network.network import NetworkSpec

CLASSIFIER = (
    NetworkSpec("net-known", rule="rms", step=0.001, reads=("known", "x")),
    NetworkSpec("net-slow", rule="rms", step=0.0003, reads=("context", "means")),
    NetworkSpec("net-factored", rule="factored", step=0.001, reads=("context", "means")),
    NetworkSpec("net-fast", rule="factored", step=0.01, reads=("x", "x")),
    NetworkSpec("net-history", rule="factored", step=0.003, reads=("x", "filled")),
    NetworkSpec(
        "net-lags",
        hidden=(32,),
        rule="factored",
        step=0.003,
        reads=("lags", "lags"),
        categories=False,
        average=True,
    ),
)
"""The networks of the classifier. The first fills the label history, so it reads known labels only."""

REGRESSOR = (
    NetworkSpec("net-known", rule="rms", step=0.001, reads=("known", "x")),
    NetworkSpec("net-rms", rule="rms", step=0.001, reads=("x", "means")),
    NetworkSpec("net-deep", hidden=(64, 32), rule="rms", step=0.001, reads=("x", "means"), average=True),
    NetworkSpec("net-factored", rule="factored", step=0.003, reads=("x", "means"), average=True),
    NetworkSpec("net-row", rule="factored", step=0.003, reads=("x", "x"), average=True),
    NetworkSpec(
        "net-short",
        hidden=(32,),
        rule="factored",
        step=0.003,
        reads=("filled", "filled"),
        categories=False,
        average=True,
    ),
)
"""The networks of the regressor. The first fills the target history, so it reads known targets only."""
