"""Properties that scans and learners must have: ours are tested with them, and so may be anyone's own."""

from __future__ import annotations

from .conformance import CHECKS, Check, check_learner
from .scans import (
    MACHINES,
    check_chunks,
    check_read,
    check_resume,
    check_scan,
    digest,
    restored,
    snapshot,
)

__all__ = [
    "CHECKS",
    "MACHINES",
    "Check",
    "check_chunks",
    "check_learner",
    "check_read",
    "check_resume",
    "check_scan",
    "digest",
    "restored",
    "snapshot",
]
