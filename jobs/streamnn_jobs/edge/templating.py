"""Templates of the page on the cost, with those of the report."""

from __future__ import annotations

from ..report import templating

TEMPLATES = templating.Templates(__package__, templating.__package__)
