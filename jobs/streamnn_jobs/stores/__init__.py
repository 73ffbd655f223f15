"""Where checkpoints lie: a local folder, or a prefix of an object store."""

from .opening import join_place, open_store
from .store import Saved, Store

__all__ = ["Saved", "Store", "join_place", "open_store"]
