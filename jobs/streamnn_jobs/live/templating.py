"""The live page's templates, style and script: those of the report, and its own."""

from __future__ import annotations

from ..report import templating as report
from ..report.templating import Templates, read_asset

TEMPLATES = Templates(__package__, report.__package__)
STYLE = report.STYLE + read_asset(__package__, "live.css")
SCRIPT = report.SCRIPT + read_asset(__package__, "live.js")
