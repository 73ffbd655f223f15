"""Being a learner in river's eyes, without importing river."""

from __future__ import annotations

import sys


def join_river(kind: type, name: str) -> None:
    """If river is in use, let it know that `kind` is one of its ``base.Classifier`` or ``base.Regressor``."""
    base = sys.modules.get("river.base")
    if base is not None:
        getattr(base, name).register(kind)
