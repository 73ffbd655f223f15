"""Documents whose examples need torch are left out where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["torch.md"]
