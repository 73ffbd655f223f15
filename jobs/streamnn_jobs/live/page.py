"""The live page: the report's sections, drawn again while the job runs, and only when somebody looks."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from ..report.formats import duration, whole
from ..report.report import Report
from ..report.templating import script_source
from ..run.control import Control
from ..version import VERSION
from .job_monitor import JobMonitor
from .partition_view import PartitionView
from .sections import FAST, SLOW, make_report
from .status import state
from .templating import SCRIPT, STYLE, TEMPLATES

DRAWN_S = 1.5
"""Seconds before sections are drawn again, however many browsers show the page."""
DRAWING_SHARE = 0.012
"""Most of a CPU that drawing takes: what is slower to draw is drawn less often."""
_ORDER = ("state", *FAST, *SLOW)
_STATE_TITLES = {
    "starting": "Starting",
    "recovering": "Recovering",
    "running": "Learning",
    "paused": "Paused",
    "stopping": "Stopping",
    "over": "Over",
}
"""How the page shows each state of a job."""


class LivePage:
    """Draws a job. Called by the threads of the server; the job's own does nothing for it but make views.

    Parameters
    ----------
    monitor : JobMonitor
    control : Control
    title : str
    buttons : bool
        Show buttons that change the job.
    """

    def __init__(
        self,
        monitor: JobMonitor,
        control: Control,
        title: str,
        buttons: bool = False,
    ):
        self._monitor, self._control, self._title = monitor, control, title
        self._drawn: dict[str, tuple[PartitionView, float, dict[str, str]]] = {}
        self._rest_s = DRAWN_S
        self._lock = threading.Lock()
        self._buttons = buttons

    def page(self, partition: str | None) -> tuple[str, str]:
        """The whole page and its content security policy."""
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src {script_source(SCRIPT)}; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        parts = self._parts(partition)
        page = TEMPLATES.render(
            "live.html",
            title=self._title,
            style=STYLE,
            script=SCRIPT,
            partitions=self._links(partition),
            parts=[(name, _key(parts[name]), parts[name]) for name in _ORDER],
            version=VERSION,
        )
        return str(page), policy

    def parts(self, partition: str | None, have: str) -> dict[str, Any]:
        """Sections that differ from those the page has.

        Parameters
        ----------
        partition : str or None
        have : str
            ``name:key`` of each section, with commas between.
        """
        known = dict(pair.partition(":")[::2] for pair in have.split(","))
        fresh = {name: (_key(html), html) for name, html in self._parts(partition).items()}
        return {
            "state": self._word(),
            "parts": {n: {"key": k, "html": h} for n, (k, h) in fresh.items() if known.get(n) != k},
        }

    def _parts(self, partition: str | None) -> Mapping[str, str]:
        views = {v.partition: v for v in self._monitor.views()}
        view = views.get(partition or "") or next(iter(views.values()), None)
        plan = self._monitor.plan
        if view is None or plan is None:
            return dict.fromkeys(_ORDER, "") | {"state": self._state(None)}
        with self._lock:  # who comes meanwhile takes what is drawn
            return {**self._sections(view, make_report(view, plan, self._title)), "state": self._state(view)}

    def _sections(self, view: PartitionView, report: Report) -> dict[str, str]:
        old, drawn_s, html = self._drawn.get(view.partition, (None, 0.0, {}))
        if old is not None and (old is view or self._monitor.up_s - drawn_s < self._rest_s):
            return html
        html = dict(html)
        todo = dict(FAST)
        if old is None or old.networks is not view.networks:
            todo |= SLOW
        begun_s = time.thread_time()
        for name, draw in todo.items():
            html[name] = draw(report, view)
        if todo.keys() == FAST.keys():
            self._rest_s = max(DRAWN_S, (time.thread_time() - begun_s) / DRAWING_SHARE)
        self._drawn[view.partition] = (view, self._monitor.up_s, html)
        return html

    def _word(self) -> str:
        return state(self._monitor, self._control)

    def _state(self, view: PartitionView | None) -> Markup:
        word = self._word()
        facts = []
        if view is not None:
            several = len(self._monitor.partitions) > 1
            facts = [
                view.source + (f", partition {view.partition}" if several else ""),
                f"record {whole(view.position)}",
                f"up {duration(self._monitor.up_s)}",
            ]
        return TEMPLATES.render(
            "state.html",
            state=word,
            word=_STATE_TITLES.get(word, word),
            facts=facts,
            buttons=self._buttons and word in ("running", "paused"),
        )

    def _links(self, partition: str | None) -> list[tuple[str, str, bool]]:
        """Query, name and whether it is the one that is shown, of each partition where there are several."""
        names = [view.partition for view in self._monitor.views()]
        if len(names) < 2:
            return []
        shown = partition if partition in names else names[0]
        return [(quote(name), name, name == shown) for name in names]


def _key(html: str) -> str:
    return f"{zlib.crc32(html.encode('utf-8', 'replace')):08x}"
