"""``NetworkClassifier`` as a model of river's."""

from __future__ import annotations

from river import base

from .. import learners


class NetworkClassifier(learners.NetworkClassifier, base.MiniBatchClassifier):  # type: ignore[misc]  # river's rows are dicts, ours any mapping
    __doc__ = learners.NetworkClassifier.__doc__
