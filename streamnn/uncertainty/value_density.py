"""Joint density of a network's latent and a number target, learnt as the stream passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import SchemaError, StateError
from ..state import check_leaves
from ._density import PARTIAL_SUMS
from ._scale import FIRST_ERRORS, FIRST_SQUARE, Scale
from ._scale import scan as _scan
from .latent_density import LatentDensity


class ValueDensity:
    """Two kinds of uncertainty of a number's forecast: p(z, y) = p(z) p(y | z).

    p(z) is a :class:`LatentDensity`: surprise = -log p(z) is epistemic. p(y | z) is a Gaussian around the forecast
    whose log variance is linear in the latent, learnt from the forecast's errors by steps along the gradient of
    their likelihood (clipped: an outlier counts as five variances): its entropy is aleatoric. It costs .3 us an
    event more than p(z) alone.

    Parameters
    ----------
    hidden : int
        Length of the latent.
    half_life, shrinkage, covariance, normalise
        See :class:`LatentDensity`.

    Raises
    ------
    SpecError
        When an option is out of its range.

    References
    ----------
    Postels et al., The Hidden Uncertainty in a Neural Network's Activations, arXiv 2012.03082. There p(z | y) is a
    flow and p(y | z) follows by Bayes' rule; Gaussians for bins of y described the noise far worse
    (docs/uncertainty.md).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> z = rng.uniform(-1, 1, (8000, 2)).astype(np.float32)
    >>> error = np.exp(z[:, 0]) * rng.standard_normal(8000)  # noisy where z_0 is large
    >>> density = ValueDensity(hidden=2)
    >>> _ = density.scan(np.ones(8000, np.int8), error, z)
    >>> probe = np.float32([[-0.5, 0], [0.5, 0], [9, 9]])
    >>> surprise, entropy, deviation = density.scan(np.zeros(3, np.int8), np.zeros(3), probe)
    >>> bool(surprise[2] > surprise[:2].max() + 50), deviation[:2].round(1).tolist()
    (True, [0.6, 1.7])
    """

    classes = 1  # a number is one value wide

    def __init__(
        self,
        hidden: int,
        half_life: float = 1000.0,
        shrinkage: float = 10.0,
        covariance: str = "diagonal",
        normalise: bool = False,
    ) -> None:
        self._latent = LatentDensity(hidden, 1, half_life, shrinkage, covariance, normalise)
        self.hidden = self._latent.hidden
        self._scale = self._new()

    @property
    def _state(self) -> tuple[np.ndarray, ...]:
        return (*self._latent._state, *self._scale)

    def scan(
        self, op: np.ndarray, error: np.ndarray, z: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Operations in their order: score at OBSERVE, learn at LEARN.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
            OBSERVE, LEARN or EXPIRE (nothing).
        error : ndarray of float64, shape (m,)
            Target less its forecast, at LEARN (anything elsewhere).
        z : ndarray of float32, shape (m, hidden)
            Latent of the event of each operation.

        Returns
        -------
        surprise : ndarray of float64, shape (m,)
            -log p(z) in nats at OBSERVE, 0 elsewhere and before the first target.
        entropy : ndarray of float64, shape (m,)
            Entropy of p(y | z) in nats at OBSERVE, 0 elsewhere and before the first target; log 10 more if targets
            are ten times as large.
        deviation : ndarray of float64, shape (m,)
            Standard deviation of p(y | z) in units of the target; 0 where entropy is 0 too.

        Raises
        ------
        SchemaError
            On other shapes.
        """
        error = np.ascontiguousarray(error, np.float64)
        if error.ndim != 1 or error.shape != np.shape(op):
            raise SchemaError(
                f"value density: op {np.shape(op)} and error {error.shape} must be of shape (m,)"
            )
        op = np.ascontiguousarray(op, np.int8)
        z = np.ascontiguousarray(z, np.float32)
        surprise, _ = self._latent.scan(op, np.zeros(op.size, np.int64), z)
        entropy, deviation = np.zeros(op.size), np.zeros(op.size)
        _scan(self._scale, op, error, z, self._latent._memory, deviation, entropy)
        return surprise, entropy, deviation

    def grow(self, classes: int) -> None:
        """A number is one value wide for ever."""

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and JSON-able meta from which the density goes on bit by bit."""
        arrays, meta = self._latent.state_dict()
        return arrays | {f"spread_{k}": v.copy() for k, v in self._scale._asdict().items()}, meta

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        StateError
            When it was saved with other options, or a leaf does not fit.
        """
        if meta.get("classes") != 1:
            raise StateError(
                f"value density: the state has {meta.get('classes')!r} classes, a number has none"
            )
        mine = {k: v for k, v in arrays.items() if k.startswith("spread_")}
        new = self._new()
        check_leaves(mine, {f"spread_{k}": v for k, v in new._asdict().items()}, "value density")
        self._latent.load_state_dict({k: v for k, v in arrays.items() if k not in mine}, meta)
        self._scale = Scale(*(mine[f"spread_{k}"].copy() for k in Scale._fields))

    def _new(self) -> Scale:
        n = -(-self.hidden // PARTIAL_SUMS) * PARTIAL_SUMS
        mean, var, unit, weight = (np.zeros(n) for _ in range(4))
        bias, base, first = np.zeros(1), np.zeros(1), np.zeros(FIRST_SQUARE + FIRST_ERRORS)
        return Scale(mean, var, unit, weight, bias, base, first, np.zeros(1, np.int64))
