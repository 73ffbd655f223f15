"""Detectors of other packages as alarms, to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ..errors import SpecError, StateError
from ..types import Alarm


class _Detector(Protocol):
    def update(self, x: float) -> Any: ...
    @property
    def drift_detected(self) -> bool: ...


class OtherDetector:
    """Drift detectors with river's interface (``update(x)``, ``drift_detected``), one a scalar, raising alarms.

    They have no budget in common, say no cause and don't know when a change began: the alarm's ``began`` is its
    event. They can't be saved; for comparisons, not for jobs. Nothing of river is imported here.

    Parameters
    ----------
    make : mapping of str to callable
        Per signal, what makes its detector.

    Raises
    ------
    SpecError
        When there are no signals, or what was made has another interface.

    Examples
    --------
    >>> class Spike:  # such as river.drift.ADWIN
    ...     drift_detected = False
    ...     def update(self, x):
    ...         self.drift_detected = x > 3
    >>> import numpy as np
    >>> alarms = OtherDetector({"loss": Spike}).scan({"loss": np.array([0.0, 5.0, 0.0])}, np.arange(3))
    >>> [(a.event, a.signal, a.statistic, a.cause) for a in alarms]
    [(1, 'loss', 'Spike', 'change of loss')]
    """

    def __init__(self, make: Mapping[str, Callable[[], _Detector]]) -> None:
        if not make:
            raise SpecError("detectors: none are given; name a signal and what makes its detector")
        self.signals = list(make)
        self._detectors = {k: f() for k, f in make.items()}
        for k, d in self._detectors.items():
            if not (hasattr(d, "update") and hasattr(d, "drift_detected")):
                raise SpecError(
                    f"detector of {k!r} is a {type(d).__name__}: it needs update(x) and drift_detected, as in river"
                )

    def scan(self, values: Mapping[str, np.ndarray], event: np.ndarray) -> list[Alarm]:
        """Take the values of a segment of the log, as :meth:`DriftMonitor.scan` does; values not finite are left out.

        Raises
        ------
        SpecError
            When a signal has no values.
        """
        for k in self.signals:
            if k not in values:
                raise SpecError(f"signal {k!r} is watched here and has no values")
        alarms = []
        for i, t in enumerate(np.asarray(event).tolist()):
            for k, d in self._detectors.items():
                x = float(values[k][i])
                if not np.isfinite(x):
                    continue
                d.update(x)
                if d.drift_detected:
                    alarms.append(Alarm(t, k, type(d).__name__, f"change of {k}", t))
        return alarms

    def state_dict(self) -> Any:
        """Not possible.

        Raises
        ------
        StateError
        """
        raise StateError(
            "detectors of other packages have no state that can be saved: use DriftMonitor in jobs"
        )
