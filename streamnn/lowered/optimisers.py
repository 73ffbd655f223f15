"""Steps of the optimisers of torch, with torch's formulas, on flat arrays of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, load_first, over, root, splat, store, store_first
from ..errors import SpecError
from .arrays import STEPS_MADE

f4, f8 = np.float32, np.float64
SGD, ADAM, ADAMW, RMSPROP = range(4)
UPDATE_RULES = ("sgd", "adam", "adamw", "rmsprop")
RULE_AT, LR, MOMENTUM, DAMPENING, NESTEROV, DECAY, BETA1, BETA2, EPS, ALPHA = range(10)
"""Places of :attr:`Optimiser.hyper`."""
_TAKES = {
    "sgd": ("momentum", "dampening", "nesterov", "weight_decay"),
    "adam": ("betas", "eps", "weight_decay"),
    "adamw": ("betas", "eps", "weight_decay"),
    "rmsprop": ("alpha", "eps", "momentum", "weight_decay"),
}


@dataclass(frozen=True)
class Optimiser:
    """An optimiser of torch and its options, under torch's names and with torch's defaults.

    Adam's bias corrections are exact; neither ``amsgrad`` nor ``centered`` is known.

    Parameters
    ----------
    rule : {"sgd", "adam", "adamw", "rmsprop"}
    lr : float
    momentum, dampening : float
    nesterov : bool
    weight_decay : float
    betas : tuple of float
    eps, alpha : float

    Raises
    ------
    SpecError
        When the rule is not known.

    Examples
    --------
    >>> Optimiser.named("adamw", 0.01, {"eps": 1e-6})
    Optimiser(rule='adamw', lr=0.01, ..., weight_decay=0.01, betas=(0.9, 0.999), eps=1e-06, alpha=0.99)
    """

    rule: str
    lr: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    alpha: float = 0.99

    def __post_init__(self) -> None:
        if self.rule not in UPDATE_RULES:
            raise SpecError(f"optimiser {self.rule!r} is not known: {', '.join(UPDATE_RULES)}")

    @classmethod
    def named(cls, rule: str, lr: float, options: Mapping[str, Any]) -> Optimiser:
        """Of torch's name and options.

        Raises
        ------
        SpecError
            When the rule is not known or has no such option.
        """
        usual = cls(rule, lr, weight_decay=0.01 if rule == "adamw" else 0.0)
        for name in options:
            if name not in _TAKES[rule]:
                raise SpecError(f"optimiser {rule!r} has no option {name!r}: {', '.join(_TAKES[rule])}")
        return replace(usual, **options)

    @property
    def moments(self) -> str:
        """Which of the arrays ``m`` and ``v`` it uses."""
        if self.rule in ("sgd", "rmsprop"):
            return ("m" if self.momentum else "") + ("v" if self.rule == "rmsprop" else "")
        return "mv"

    @property
    def hyper(self) -> np.ndarray:
        """All options as numbers, float64, as kernels take them."""
        f = {f.name: getattr(self, f.name) for f in fields(self)}
        ordered = (f["momentum"], f["dampening"], f["nesterov"], f["weight_decay"], *self.betas, self.eps)
        return np.array([UPDATE_RULES.index(self.rule), self.lr, *ordered, self.alpha], f8)


@leaf
def power(base, n):
    """base**n of a float64 and a whole n >= 0, by multiplications alone."""
    out = 1.0
    while n > 0:
        if n & 1:
            out *= base
        base *= base
        n >>= 1
    return out


@leaf(inline=True)
def optimiser_step(hyper, learnt, g):
    """One step on all parameters from their gradients `g`, which are 0 after it."""
    w, m, v = learnt.w, learnt.m, learnt.v
    first = learnt.count[STEPS_MADE] == 0
    learnt.count[STEPS_MADE] += 1
    rule, whole, n = np.int64(hyper[RULE_AT]), len(w) - len(w) % LANES, len(w)
    if rule == SGD:
        # the first buffer of a momentum is the gradient itself
        kept = f4(0.0) if first else f4(hyper[MOMENTUM])
        share = f4(1.0) if first else f4(1.0 - hyper[DAMPENING])
        for j in range(0, n, LANES):
            _sgd(j, LANES if j < whole else n - whole, hyper, kept, share, w, m, g)
    elif rule == RMSPROP:
        for j in range(0, n, LANES):
            _rmsprop(j, LANES if j < whole else n - whole, hyper, w, m, v, g)
    else:
        steps = learnt.count[STEPS_MADE]
        rate = f4(hyper[LR] / (1.0 - power(hyper[BETA1], steps)))
        scale = f4(1.0 / np.sqrt(1.0 - power(hyper[BETA2], steps)))
        for j in range(0, n, LANES):
            _adam(j, LANES if j < whole else n - whole, hyper, rate, scale, w, m, v, g)


@leaf(inline=True)
def _take(a, j, c):
    return load(a, j) if c == LANES else load_first(a, j, c)


@leaf(inline=True)
def _put(a, j, c, v):
    if c == LANES:
        store(a, j, v)
    else:
        store_first(a, j, c, v)


@leaf(inline=True)
def _sgd(j, c, hyper, kept, share, w, m, g):
    x, p = _take(g, j, c), _take(w, j, c)
    x = x + splat(f4(hyper[DECAY])) * p
    if hyper[MOMENTUM] != 0.0:
        b = splat(kept) * _take(m, j, c) + splat(share) * x
        _put(m, j, c, b)
        x = x + splat(f4(hyper[MOMENTUM])) * b if hyper[NESTEROV] != 0.0 else b
    _put(w, j, c, p - splat(f4(hyper[LR])) * x)
    _put(g, j, c, splat(f4(0.0)))


@leaf(inline=True)
def _adam(j, c, hyper, rate, scale, w, m, v, g):
    x, p = _take(g, j, c), _take(w, j, c)
    if hyper[RULE_AT] == ADAM:
        x = x + splat(f4(hyper[DECAY])) * p
    else:
        p = p * splat(f4(1.0 - hyper[LR] * hyper[DECAY]))
    a, s = _take(m, j, c), _take(v, j, c)
    a = a + splat(f4(1.0 - hyper[BETA1])) * (x - a)
    s = splat(f4(hyper[BETA2])) * s + splat(f4(1.0 - hyper[BETA2])) * x * x
    _put(m, j, c, a)
    _put(v, j, c, s)
    _put(w, j, c, p - over(splat(rate) * a, root(s) * splat(scale) + splat(f4(hyper[EPS]))))
    _put(g, j, c, splat(f4(0.0)))


@leaf(inline=True)
def _rmsprop(j, c, hyper, w, m, v, g):
    x, p = _take(g, j, c), _take(w, j, c)
    x = x + splat(f4(hyper[DECAY])) * p
    s = splat(f4(hyper[ALPHA])) * _take(v, j, c) + splat(f4(1.0 - hyper[ALPHA])) * x * x
    _put(v, j, c, s)
    x = over(x, root(s) + splat(f4(hyper[EPS])))
    if hyper[MOMENTUM] != 0.0:
        x = splat(f4(hyper[MOMENTUM])) * _take(m, j, c) + x
        _put(m, j, c, x)
    _put(w, j, c, p - splat(f4(hyper[LR])) * x)
    _put(g, j, c, splat(f4(0.0)))
