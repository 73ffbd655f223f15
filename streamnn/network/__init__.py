"""The per-event network with learnable activations, and its slope certificate."""

from .certificate import Certificate, certify
from .functions import Functions
from .network import Network
from .spec import NetworkSpec

__all__ = ["Certificate", "Functions", "Network", "NetworkSpec", "certify"]
