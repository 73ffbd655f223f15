"""The per-event network with learnable activations, and its slope certificate."""

from .certificate import Certificate, certify
from .network import Network, NetworkSpec

__all__ = ["Certificate", "Network", "NetworkSpec", "certify"]
