"""The streaming network as torch modules: for training offline, for GPUs, and as the reference the kernel is held to.

>>> import torch
>>> from streamnn.network import Network, NetworkSpec
>>> from streamnn.nn import SplineNetwork
>>> net = Network(NetworkSpec("example", (16,)), inputs=3, outputs=2, classify=True, seed=0)
>>> model = SplineNetwork.from_network(net)
>>> model(torch.zeros(1, 3))
tensor([[0.5000, 0.5000]], grad_fn=<SoftmaxBackward0>)
"""

from __future__ import annotations

from ..errors import MissingPackage

try:
    import torch as _torch  # noqa: F401
except ImportError as e:
    raise MissingPackage("torch", "torch", "streamnn.nn") from e

from .decoder import Decoder
from .factored_rule import FactoredRule
from .grouped_linear import GroupedLinear, LearnedGrouping
from .learned_shuffle import LearnedShuffle
from .linear_spline import LinearSpline
from .lipschitz import LayerBound, ModuleCertificate, certificate
from .permutation import Permutation
from .projection import project
from .residual import Residual
from .rms_rule import RmsRule
from .rsqrt import exact_rsqrt, kernel_rsqrt
from .sgd_rule import SgdRule
from .shuffle_units import ShuffleUnitV1, ShuffleUnitV2
from .spline_network import SplineNetwork

__all__ = [
    "Decoder",
    "FactoredRule",
    "GroupedLinear",
    "LayerBound",
    "LearnedGrouping",
    "LearnedShuffle",
    "LinearSpline",
    "ModuleCertificate",
    "Permutation",
    "Residual",
    "RmsRule",
    "SgdRule",
    "ShuffleUnitV1",
    "ShuffleUnitV2",
    "SplineNetwork",
    "certificate",
    "exact_rsqrt",
    "kernel_rsqrt",
    "project",
]
