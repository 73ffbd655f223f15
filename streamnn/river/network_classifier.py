"""``NetworkClassifier`` as a model of river's."""

from __future__ import annotations

from river import base

from .. import learners


class NetworkClassifier(learners.NetworkClassifier, base.MiniBatchClassifier):
    __doc__ = learners.NetworkClassifier.__doc__
