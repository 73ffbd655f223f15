"""``Regressor`` as a model of river's."""

from __future__ import annotations

from river import base

from .. import learners


class Regressor(learners.Regressor, base.MiniBatchRegressor):  # type: ignore[misc]  # river's rows are dicts, ours any mapping
    __doc__ = learners.Regressor.__doc__
