"""Class-conditional density of a network's last hidden layer, learnt as the stream passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import SchemaError, SpecError, StateError
from ..state import check_leaves
from ..types import LEARN
from . import _covariance, _density
from ._density import PARTIAL_SUMS

COVARIANCES = ("diagonal", "tied", "full")
_MEMORY_PER_HALF_LIFE = 1.4426950408889634  # a mean over the last 1.44 h halves an old weight in h steps


class LatentDensity:
    """Two kinds of uncertainty from the hidden units of a network that goes on learning.

    A Gaussian per class over the latent z, and a class prior: surprise = -log p(z) is epistemic (an input unlike
    those seen), the entropy of p(y|z) is aleatoric (an input between the classes). Means and covariances count at
    first and then forget, at least as fast as the encoder moves; covariances shrink to the pooled one within classes
    while a class has few labels. They are taken over into the density now and then: variances at each of a class's
    first 32 labels, then at every 8th; other covariances at labels 1, 2, 4, ... 64, then at every 64th.

    The latent is one hidden layer or several side by side. An event scored and learnt costs, with 64 units and two
    classes, .36 us (diagonal), 4.3 us (tied) and 6.2 us (full); each further class .05, .03 and .75 us.

    Parameters
    ----------
    hidden : int
        Length of the latent.
    classes : int
        Number of classes; with 1 p(z) is one Gaussian and entropy is 0 (for numbers see :class:`ValueDensity`).
    half_life : float, default 1000
        Labels of a class after which a latent has lost half its weight in that class (for the prior: labels).
    shrinkage : float, default 10
        Labels the pooled variances are worth within a class, and a variance of 1 within the pooled ones. A pooled
        full covariance is worth (hidden + 1) / 2 times as many, as it has that many more numbers.
    covariance : {"diagonal", "tied", "full"}
        Variances per class; one covariance for all classes; a covariance per class.
    normalise : bool, default False
        Scale every latent to mean square 1, so that its direction counts and not its size.

    Raises
    ------
    SpecError
        When an option is out of its range.

    References
    ----------
    Postels et al., The Hidden Uncertainty in a Neural Network's Activations, arXiv 2012.03082.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 2000)
    >>> z = (rng.standard_normal((2000, 4)) + 4 * y[:, None]).astype(np.float32)
    >>> density = LatentDensity(hidden=4, classes=2)
    >>> _ = density.scan(np.full(2000, LEARN, np.int8), y, z)
    >>> probe = np.float32([[0] * 4, [2] * 4, [20] * 4])  # of class 0, between, far from both
    >>> surprise, entropy = density.scan(np.zeros(3, np.int8), np.zeros(3, np.int64), probe)
    >>> surprise.round(0).tolist(), entropy.round(1).tolist()
    ([4.0, 12.0, 499.0], [0.0, 0.7, 0.0])
    """

    def __init__(
        self,
        hidden: int,
        classes: int,
        half_life: float = 1000.0,
        shrinkage: float = 10.0,
        covariance: str = "diagonal",
        normalise: bool = False,
    ) -> None:
        if hidden < 1 or classes < 1:
            raise SpecError(f"hidden and classes must be at least 1, not {hidden} and {classes}")
        if not 1 <= half_life < np.inf:
            raise SpecError(f"half_life: {half_life!r} must be a number of labels, at least 1")
        if not 0 < shrinkage < np.inf:
            raise SpecError(f"shrinkage: {shrinkage!r} must be a positive number of labels")
        if covariance not in COVARIANCES:
            raise SpecError(f"covariance: {covariance!r} is none of {', '.join(COVARIANCES)}")
        self.hidden = int(hidden)
        self.covariance, self.normalise = covariance, bool(normalise)
        self.half_life, self.shrinkage = float(half_life), float(shrinkage)
        self._memory = self.half_life * _MEMORY_PER_HALF_LIFE
        # a full covariance has (hidden + 1) / 2 times as many numbers to learn as variances alone
        own = self.shrinkage * (1 if covariance == "diagonal" else (self.hidden + 1) / 2)
        self._settings = _density.Settings(self.normalise, self._memory, own, self.shrinkage)
        self._state = self._new(int(classes))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self._state.seen.size)

    @property
    def effective_size(self) -> np.ndarray:
        """How many labels each class's mean is worth, (sum of weights)^2 / sum of their squares: float64[classes]."""
        n, m = self._state.seen.astype(np.float64), max(self._memory, 1.0)
        # sum of squared weights once all labels from before forgetting are gone
        still = 1.0 / (2.0 * m - 1.0)
        squares = still + (1.0 / m - still) * (1.0 - 1.0 / m) ** (2.0 * np.maximum(n - m, 0.0))
        return np.where(n <= m, n, 1.0 / squares)

    def scan(self, op: np.ndarray, label: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Operations in their order: score at OBSERVE, learn at LEARN.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
            OBSERVE, LEARN or EXPIRE (nothing).
        label : ndarray of int64, shape (m,)
            Class index at LEARN (anything elsewhere).
        z : ndarray of float32, shape (m, hidden)
            Latent of the event of each operation. Latents that are not finite are very surprising and not learnt.

        Returns
        -------
        surprise : ndarray of float64, shape (m,)
            -log p(z) in nats at OBSERVE, 0 elsewhere and before the first label.
        entropy : ndarray of float64, shape (m,)
            Entropy of p(y|z) in nats at OBSERVE, 0 elsewhere; log(classes) before the first label.

        Raises
        ------
        SchemaError
            On other shapes, or a class index out of range at LEARN.
        """
        op = np.ascontiguousarray(op, np.int8)
        label = np.ascontiguousarray(label, np.int64)
        z = np.ascontiguousarray(z, np.float32)
        if op.ndim != 1 or label.shape != op.shape or z.shape != (op.size, self.hidden):
            raise SchemaError(
                f"latent density: op {op.shape}, label {label.shape} and z {z.shape} must be of shapes "
                f"(m,), (m,) and (m, {self.hidden})"
            )
        wrong = (op == LEARN) & ((label < 0) | (label >= self.classes))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise SchemaError(
                f"latent density: label {int(label[at])} at operation {at} is not a class of 0..{self.classes - 1}: "
                "call grow() first"
            )
        surprise, entropy = np.zeros(op.size), np.zeros(op.size)
        scan = _density.scan if isinstance(self._state, _density.State) else _covariance.scan
        scan(self._state, op, label, z, self._settings, surprise, entropy)
        return surprise, entropy

    def grow(self, classes: int) -> None:
        """Append classes up to that number; they weigh nothing until their first label, so p(z) stays as it is.

        Raises
        ------
        SpecError
            When there are more classes already.
        """
        if classes < self.classes:
            raise SpecError(
                f"classes: {classes} is less than the {self.classes} there are: classes are never removed"
            )
        old, new = self._state, self._new(classes)
        for a, b in zip(old, new, strict=True):
            b[: len(a)] = a
        self._state = new

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and JSON-able meta from which the density goes on bit by bit."""
        arrays = {name: a.copy() for name, a in self._state._asdict().items()}
        return arrays, {**self._options(), "classes": self.classes}

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Take over a saved state, with the number of classes it has.

        Raises
        ------
        StateError
            When it was saved with other options, or a leaf does not fit.
        """
        for key, value in self._options().items():
            if meta.get(key) != value:
                raise StateError(
                    f"latent density: saved with {key} {meta.get(key)!r}, this one has {value!r}"
                )
        classes = meta.get("classes")
        if not isinstance(classes, int) or classes < 1:
            raise StateError(
                f"latent density: classes {classes!r} in the saved meta is not a number of classes"
            )
        new = self._new(classes)
        check_leaves(arrays, new._asdict(), "latent density")
        self._state = type(new)(**{name: np.array(arrays[name], order="C") for name in new._fields})

    def _options(self) -> dict[str, Any]:
        return {
            "hidden": self.hidden,
            "half_life": self.half_life,
            "shrinkage": self.shrinkage,
            "covariance": self.covariance,
            "normalise": self.normalise,
        }

    def _new(self, classes: int) -> _density.State | _covariance.State:
        columns = -(-self.hidden // PARTIAL_SUMS) * PARTIAL_SUMS
        wide, each, square = (classes, columns), (classes,), (columns, columns)
        common = {
            "mean": np.zeros(wide),
            "constant": np.zeros(each),
            "prior": np.zeros(each),
            "score": np.zeros(each),
            "seen": np.zeros(each, np.int64),
            "skipped": np.zeros(1, np.int64),
        }
        if self.covariance == "diagonal":
            return _density.State(
                var=np.zeros(wide), precision=np.zeros(wide), pooled=np.zeros(columns), **common
            )
        tied = self.covariance == "tied"
        return _covariance.State(
            covariance=np.zeros((0 if tied else classes, *square)),
            root=np.zeros((1 if tied else classes, *square)),
            white=np.zeros((classes if tied else 0, columns)),
            pooled=np.zeros(square),
            **common,
        )
