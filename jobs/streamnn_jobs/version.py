"""Release of the package, as checkpoints and reports name it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("streamnn")
except PackageNotFoundError:  # run from a source tree that is not installed
    VERSION = "0"
