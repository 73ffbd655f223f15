"""Processes whose best loss is known (Uziel 2020): what is lost against it is the learner's own."""

from __future__ import annotations

from ...errors import SpecError
from .base import PROCESS_LAGS, Process
from .hidden_markov import HiddenMarkov
from .parity import ParityChain
from .periodic import PeriodicPattern
from .tent import TentMap
from .threshold import ThresholdAR

PROCESSES: dict[str, type[Process]] = {
    p.name: p for p in (HiddenMarkov, ParityChain, PeriodicPattern, TentMap, ThresholdAR)
}
"""All of them, by name."""

__all__ = [
    "PROCESSES",
    "PROCESS_LAGS",
    "HiddenMarkov",
    "ParityChain",
    "PeriodicPattern",
    "Process",
    "TentMap",
    "ThresholdAR",
    "process",
]


def process(name: str, seed: int = 1) -> Process:
    """The process of a name.

    Raises
    ------
    SpecError
        When there is none; names them all.

    Examples
    --------
    >>> process("tent", seed=7).seed
    7
    """
    if name not in PROCESSES:
        raise SpecError(f"process {name!r} is not known: there are {', '.join(PROCESSES)}")
    return PROCESSES[name](seed)
