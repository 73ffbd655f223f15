"""The live page: the report's sections, drawn anew while the job runs, and only when somebody looks."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..report.formats import esc, whole
from ..report.report import Report
from ..report.script import JS as READOUTS
from ..report.style import CSS
from ..run.control import Control
from ..version import VERSION
from . import script, style
from .parts import FAST, SLOW, make_report
from .status import state
from .view import View
from .watch import Watch

DRAWN_S = 1.5
"""However many look, sections are drawn again no sooner than after so long."""
SHARE = 0.012
"""Most of a CPU that drawing takes: what is slower to draw is drawn less often."""
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 12l5-5 3 2 6-7' "
    "fill='none' stroke='%230b63a8' stroke-width='2'/%3E%3C/svg%3E"
)
_ORDER = ("state", *FAST, *SLOW)


class LivePage:
    """Draws a job. Called by the threads of the server; the job's own does nothing for it but make views.

    Parameters
    ----------
    watch : Watch
    control : Control
    title : str
    buttons : bool
        Show buttons that change the job.
    """

    def __init__(
        self,
        watch: Watch,
        control: Control,
        title: str,
        buttons: bool = False,
    ):
        self._watch, self._control, self._title = watch, control, title
        self._drawn: dict[str, tuple[View, float, dict[str, str]]] = {}
        self._rest_s = DRAWN_S
        self._lock = threading.Lock()
        self._buttons = buttons

    def page(self, partition: str | None) -> tuple[str, str]:
        """The whole page and its content security policy."""
        parts = self._parts(partition)
        js = READOUTS + script.JS
        digest = base64.b64encode(hashlib.sha256(js.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        body = "".join(
            f"<div data-part='{name}' data-key='{_key(parts[name])}'>{parts[name]}</div>" for name in _ORDER
        )
        text = (
            "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width, initial-scale=1'>"
            f'<title>{esc(self._title)}</title><link rel="icon" href="{_ICON}">'
            f"<style>{CSS}{style.CSS}</style></head>\n<body data-state='running'><main>"
            f"<header><h1>{esc(self._title)}</h1>{self._names(partition)}</header>"
            "<p class='lost' role='status'>The job has ended or can't be reached; this is what was last seen of it.</p>"
            f"{body}<footer>streamnn {esc(VERSION)}. This page is drawn by the job itself; nothing is loaded from "
            f"elsewhere.</footer></main><script>{js}</script></body></html>\n"
        )
        return text, policy

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
        views = {v.partition: v for v in self._watch.views()}
        view = views.get(partition or "") or next(iter(views.values()), None)
        plan = self._watch.plan
        if view is None or plan is None:
            return dict.fromkeys(_ORDER, "") | {"state": self._state(None)}
        with self._lock:  # who comes meanwhile takes what is drawn
            return {**self._sections(view, make_report(view, plan, self._title)), "state": self._state(view)}

    def _sections(self, view: View, report: Report) -> dict[str, str]:
        old, drawn_s, html = self._drawn.get(view.partition, (None, 0.0, {}))
        if old is not None and (old is view or self._watch.up_s - drawn_s < self._rest_s):
            return html
        html = dict(html)
        todo = dict(FAST)
        if old is None or old.networks is not view.networks:
            todo |= SLOW
        begun_s = time.thread_time()
        for name, draw in todo.items():
            html[name] = draw(report, view)
        if todo.keys() == FAST.keys():
            self._rest_s = max(DRAWN_S, (time.thread_time() - begun_s) / SHARE)
        self._drawn[view.partition] = (view, self._watch.up_s, html)
        return html

    def _word(self) -> str:
        return state(self._watch, self._control)

    def _state(self, view: View | None) -> str:
        word = self._word()
        facts = [f"<span><i class='dot'></i><strong>{_WORDS.get(word, word)}</strong></span>"]
        if view is not None:
            up = self._watch.up_s
            facts += [
                f"<span>{esc(view.source)}{'' if len(self._watch.partitions) < 2 else f', partition {esc(view.partition)}'}</span>",
                f"<span>record {whole(view.position)}</span>",
                f"<span>up {_span(up)}</span>",
            ]
        do = ""
        if self._buttons and word in ("running", "paused"):
            turn = ("resume", "Go on") if word == "paused" else ("pause", "Pause")
            do = (
                f"<span class='do'><button type='button' data-do='{turn[0]}'>{turn[1]}</button>"
                "<button type='button' data-do='checkpoint'>Save a checkpoint</button></span>"
            )
        return f"<div class='bar {word}'>{''.join(facts)}{do}</div>"

    def _names(self, partition: str | None) -> str:
        views = self._watch.views()
        if len(views) < 2:
            return ""
        shown = partition if any(v.partition == partition for v in views) else views[0].partition
        links = "".join(
            f"<a href='?partition={quote(v.partition)}'{' aria-current=page' if v.partition == shown else ''}>"
            f"{esc(v.partition)}</a>"
            for v in views
        )
        return f"<nav aria-label='Partitions'>{links}</nav>"


_SOON = (
    "<p class='how'>Nothing is learnt yet. The first start of a release compiles its kernels, which takes up to half "
    "a minute; a job over Kafka waits for its partitions. This page goes on by itself.</p>"
)
_WORDS = {
    "starting": "Starting",
    "recovering": "Recovering",
    "running": "Learning",
    "paused": "Paused",
    "stopping": "Stopping",
    "over": "Over",
}


def _key(html: str) -> str:
    return f"{zlib.crc32(html.encode('utf-8', 'replace')):08x}"


def _span(seconds: float) -> str:
    """A duration for people.

    Examples
    --------
    >>> _span(59.0), _span(3700.0), _span(200000.0)
    ('59 s', '1 h 1 min', '2 d 7 h')
    """
    s = int(seconds)
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min"
    return f"{s // 3600} h {s % 3600 // 60} min" if s < 86400 else f"{s // 86400} d {s % 86400 // 3600} h"
