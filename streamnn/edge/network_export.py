"""One network of a pool as an artefact: the pool's features stay on the host, its network goes to the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import SpecError
from ..network.arrays import CLASSIFY, N_TASK
from ..pool.snapshot import NetworkSnapshot
from .artefact import Artefact
from .bits import Bits
from .float_network import FloatNetwork, float_network
from .input_stage import InputStage
from .integers import CONTEXT_FRACTION
from .quantiser import quantise
from .sensors import SENSOR_TOP, Sensor, to_raw
from .spline_resampling import GRID_TOLERANCE, MOST_KNOTS, resampled_network

Array = np.ndarray
_EIGHT = Bits()


class NetworkExport:
    """A network of a pool, by the name of the member that it is.

    The pool's feature stage (standardising, running means, label history) is not exported: it stays on the host,
    where :meth:`streamnn.Classifier.encoded` gives its rows. The device reads these: one sensor for each number that
    the network reads, then one for each category row of an event. A student has a stage of integers instead
    (:class:`streamnn.edge.Student`), and needs no host.

    Parameters
    ----------
    snapshot : NetworkSnapshot
        Of a learner: ``learner.snapshot()``.
    name : str
        Of a network, or of its averaged weights: ``"net-slow-mean"``.
    fraction : int
        Fraction bits of the rows' integers, which are at most 127 in size: with 5 they reach to 3.97.

    Raises
    ------
    SpecError
        When no network of the pool has this name: other members, and binarised networks, can't be exported this way.

    Examples
    --------
    ::

        export = NetworkExport(learner.snapshot(), "net-slow-mean")
        rows, ids = learner.encoded(sample)
        artefact = export.artefact(rows, ids, classes=("no", "yes"))
        logits = Device(artefact).predict(export.raw(rows, ids))
    """

    def __init__(self, snapshot: NetworkSnapshot, name: str, fraction: int = 5) -> None:
        if not 0 <= fraction <= 7:
            raise SpecError(f"{name}: {fraction} fraction bits of 8 bits: allowed are 0 to 7")
        self.name, self.fraction = name, fraction
        self.network, self.mean, self.span = snapshot.find(name)
        self.classify = bool(self.network._settings.n[N_TASK] == CLASSIFY)
        self.inputs = self.span[1] - self.span[0]
        self.deviation = 0.0
        """Largest one of the last artefact's activations from the network's, from splines on another grid."""

    def sensors(self, ids: Array) -> tuple[Sensor, ...]:
        """Formats of what :meth:`raw` gives for category rows of this width."""
        numbers = (Sensor(f"input {i}", self.fraction) for i in range(self.inputs))
        return (*numbers, *(Sensor(f"category row {k}") for k in range(self._categories(ids))))

    def raw(self, rows: Array, ids: Array) -> Array:
        """Encoded rows as a device of the artefact reads them.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, width)
            As :meth:`streamnn.Classifier.encoded` gives them, of the learner that the snapshot is of.
        ids : ndarray of int32, shape (n, columns)

        Returns
        -------
        ndarray of int32, shape (n, sensors)

        Raises
        ------
        SpecError
            When rows are too short, or do not belong to the category rows.
        """
        if rows.ndim != 2 or ids.ndim != 2 or len(rows) != len(ids) or rows.shape[1] < self.span[1]:
            raise SpecError(
                f"{self.name}: rows of shape {rows.shape} and category rows of shape {ids.shape}: it reads columns "
                f"{self.span[0]} to {self.span[1] - 1}: give it what encoded() of the same learner gave"
            )
        used = ids[:, : self._categories(ids)]
        values = np.concatenate([rows[:, slice(*self.span)].astype(np.float64), used], 1)
        fraction = np.array([s.fraction for s in self.sensors(ids)], np.int64)
        return to_raw(values, fraction)

    def float_network(self) -> FloatNetwork:
        """Its weights as they are, with all category rows in use."""
        return float_network(self.network, self.mean, self._rows)

    def artefact(
        self,
        rows: Array,
        ids: Array,
        options: Bits = _EIGHT,
        *,
        classes: Sequence[Any] = (),
        seen: int = 2,
        tolerance: float = GRID_TOLERANCE,
        knots: int = MOST_KNOTS,
    ) -> Artefact:
        """The network as integers, quantised on a sample.

        Parameters
        ----------
        rows, ids : ndarray
            As for :meth:`raw`, of some hundreds of events or more. Best gathered while the stream goes on: the label
            history of rows that are encoded at once is the same for all.
        options : Bits
        classes : sequence, optional
            Labels in the order of the outputs; their numbers where not given.
        seen : int
            Events of the sample that must have a category row for it to be exported: a value that hardly ever comes is
            as one that is not known.
        tolerance, knots : float, int
            Of the splines' new grid, see :func:`streamnn.edge.spline_resampling.resampled`.

        Returns
        -------
        Artefact
            Where a number is predicted, that of the network, in the pool's units.

        Raises
        ------
        SpecError
            When the sample does not fit, there are not as many classes as outputs, or category rows have numbers that no
            sensor has.
        LimitError
            When weights fit no 32 bits.
        """
        raw = self.raw(rows, ids)
        if not len(raw):
            raise SpecError(f"{self.name}: the sample has no rows: give it some hundreds")
        outputs = len(self.network.s["out"])
        labels = tuple(classes or range(outputs)) if self.classify else ()
        if len(labels) != (outputs if self.classify else len(classes)):
            raise SpecError(f"{self.name}: {len(classes)} classes for {outputs} outputs: name each, or none")
        network, self.deviation = resampled_network(self.float_network(), tolerance, knots)
        kept = self._kept(raw[:, self.inputs :], seen)
        stage = self._stage(raw.shape[1], kept)
        first = network.layers[0]
        nought = np.zeros((raw.shape[1] - self.inputs, first.weights.shape[1]))
        table = first.table[kept] if first.table is not None and len(kept) else None
        first = replace(first, weights=np.concatenate([first.weights, nought]), table=table)
        network = FloatNetwork((first, *network.layers[1:]))
        v = (raw << CONTEXT_FRACTION)[:, None, :]
        x, rows_used = stage.inputs(v, np.zeros((len(raw), 0), np.int32)), stage.ids(raw)
        fractions = np.full(raw.shape[1], self.fraction)
        slope = self.network.spec.slope
        modules = quantise(network, x, rows_used, fractions, options, classify=self.classify, slope=slope)
        about = {"network": self.name, "deviation": self.deviation}
        return Artefact(self.sensors(ids), stage, modules, labels, about=about)

    @property
    def _rows(self) -> int:
        used = self.network.used.get("table", len(self.network.s["table"]))
        return used if self.network.spec.categories else 0

    def _categories(self, ids: Array) -> int:
        return ids.shape[1] if self._rows else 0

    def _kept(self, ids: Array, seen: int) -> Array:
        found, counts = np.unique(ids[(ids >= 0) & (ids < self._rows)], return_counts=True)
        kept = found[counts >= seen].astype(np.int64)
        if len(kept) and kept[-1] >= SENSOR_TOP:
            raise SpecError(
                f"{self.name}: category row {kept[-1]}, sensors go to {SENSOR_TOP - 1}: raise `seen`, or export a "
                "network that reads no categories"
            )
        return kept

    def _stage(self, sensors: int, kept: Array) -> InputStage:
        # any category row may stand in any of the sensors for them
        tables = sensors - self.inputs
        start = np.concatenate([np.zeros(self.inputs, np.int64), len(kept) * np.arange(tables + 1)])
        on = np.arange(sensors) < self.inputs
        none, shift = np.zeros(sensors, np.int64), np.full(sensors, CONTEXT_FRACTION)
        keys, rows = np.tile(kept, tables), np.tile(np.arange(len(kept)), tables)
        return InputStage((), none, shift, on, start, keys, rows)
