"""What an artefact costs a device: bytes, operations, an estimate of energy, beside float and beside other quantisers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .artefact import Artefact
from .counts import Counts, module_counts, stage_counts, state_bytes
from .energy import ENERGY_SOURCE, Energy, float_energy, integer_energy, together
from .modules import Output


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one event, and of memory.

    Parameters
    ----------
    parts : tuple of Counts
        The feature stage, then each module.
    total : Counts
    state : dict of str to int
        Bytes kept between events, by what they are for.
    float_bytes : int
        Tables of the same network in float32.
    energy : Energy
        Of the artefact: shifts only.
    energy_multiply : Energy
        The same with requantisations of the modules that multiply by a 32-bit factor and shift.
    energy_float : Energy
        The same network in float32.
    source : str
        Where the figures of energy come from: they are estimates.
    """

    parts: tuple[Counts, ...]
    total: Counts
    state: dict[str, int]
    float_bytes: int
    energy: Energy
    energy_multiply: Energy
    energy_float: Energy
    source: str = ENERGY_SOURCE

    @property
    def state_bytes(self) -> int:
        """Bytes of state."""
        return sum(self.state.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        energies = {}
        for name in ("energy", "energy_multiply", "energy_float"):
            e = getattr(self, name)
            energies[f"{name}_pj"] = {**asdict(e), "total": e.total}
        return {
            "parts": [asdict(p) for p in self.parts],
            "total": asdict(self.total),
            "state": dict(self.state),
            "state_bytes": self.state_bytes,
            "table_bytes": self.total.table_bytes,
            "float_bytes": self.float_bytes,
            **energies,
            "energy_source": self.source,
        }


def cost(artefact: Artefact) -> Cost:
    """Count what an artefact does for one event and what it keeps.

    Parameters
    ----------
    artefact : Artefact

    Returns
    -------
    Cost

    Notes
    -----
    Bit operations are counted as QONNX does, weight bits times input bits a multiply-accumulate. Energy is an estimate,
    see :data:`streamnn.edge.energy.ENERGY_SOURCE`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamnn.edge import InputStage, Module, Sensor
    >>> i = lambda *v: np.array(v, np.int64)
    >>> stage = InputStage((), i(0, 0), i(4, 4), np.ones(2, bool), i(0, 0, 0), i(), i())
    >>> last = Module(np.array([[3, 0], [1, -2]]), 8, i(0, 0), i(9, 9), Output(i(0, 0)))
    >>> c = cost(Artefact((Sensor("a"), Sensor("b")), stage, (last,), ("no", "yes")))
    >>> c.total.multiply_accumulates, c.total.nonzero, c.state_bytes, c.float_bytes
    (4, 3, 2, 24)
    >>> c.energy.total < c.energy_float.total
    True
    """
    stage, modules = artefact.stage, artefact.modules
    parts = [stage_counts(stage)]
    before = None
    for l, m in enumerate(modules):
        parts.append(module_counts(m, f"module {l}", before, stage.tables if l == 0 else 0))
        before = None if isinstance(m.after, Output) else m.after
    learns = artefact.learning != "off"
    units = modules[-2].units if artefact.learning == "layer" else 0
    numbers = 0
    for m in modules:
        numbers += m.weights.size // m.groups + m.units + (0 if m.table is None else m.table.size)
        numbers += getattr(getattr(m.after, "knots", None), "size", 0)
    return Cost(
        tuple(parts),
        Counts.total(tuple(parts)),
        state_bytes(stage, artefact.outputs if learns else 0, units),
        4 * numbers,
        together([integer_energy(p) for p in parts]),
        together([integer_energy(p, multiply=p is not parts[0]) for p in parts]),
        together([float_energy(p) for p in parts]),
    )
