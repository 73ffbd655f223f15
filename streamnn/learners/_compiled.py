"""Whether the kernels have been compiled on this machine before."""

from __future__ import annotations

from ..alarms import _scan as alarms
from ..features import inputs
from ..mixing import mixer_kernel as mixing
from ..mixing import value_mixer
from ..network import kernel


def compiled(task: str = "classification") -> bool:
    """Whether compiled kernels are cached; without them the first run takes some twenty seconds longer.

    Parameters
    ----------
    task : {"classification", "regression"}
    """
    mix = mixing.scan if task == "classification" else value_mixer._scan
    return all(k.is_cached() for k in (inputs._scan, kernel.scan, alarms.scan, mix))
