"""The report of a run: one HTML file with its pictures inside, which opens offline.

``line_charts``, ``range_bars`` and ``spline_gallery`` draw from plain arrays and know nothing of the page around them.
"""

from .page import render_report, write_report

__all__ = ["render_report", "write_report"]
