"""What the pool has lost, against every expert and the simplest controls."""

from .ledger import Ledger, Standing
from .scores import Scores

__all__ = ["Ledger", "Scores", "Standing"]
