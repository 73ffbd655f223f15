"""The whole page, and writing it so that no half page is ever seen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from streamnn.errors import SinkError
from streamnn_connectors.files import replacing

from .details import details
from .headline import headline
from .networks import certificate, functions
from .on_the_edge import on_the_edge
from .over_time import coverage, quality, regret, surprise, weights
from .report import Report
from .templating import SCRIPT, STYLE, TEMPLATES, script_source

_SECTIONS = (
    headline, quality, on_the_edge, regret, weights, surprise, coverage, certificate, functions, details,
)  # fmt: skip


def render_report(
    *,
    title: str,
    summary: Mapping[str, Any],
    history: Mapping[str, Any],
    networks: Sequence[Mapping[str, Any]],
    alarms: Sequence[Mapping[str, Any]],
    info: Mapping[str, Any],
) -> str:
    """The report as one HTML page that needs nothing from outside. Parameters as in :func:`write_report`.

    Examples
    --------
    >>> page = render_report(title="a < b", summary={}, history={}, networks=[], alarms=[], info={})
    >>> "<h1>a &lt; b</h1>" in page, "http://" in page.replace("http://www.w3.org/2000/svg", "")
    (True, False)
    """
    report = Report(title, summary, history, networks, alarms, info)
    page = TEMPLATES.render(
        "report.html",
        title=title,
        style=STYLE,
        script=SCRIPT,
        script_source=Markup(script_source(SCRIPT)),
        sections=[draw(report) for draw in _SECTIONS],
        version=info.get("version", ""),
    )
    return str(page)


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    summary: Mapping[str, Any],
    history: Mapping[str, Any],
    networks: Sequence[Mapping[str, Any]],
    alarms: Sequence[Mapping[str, Any]],
    info: Mapping[str, Any],
) -> None:
    """Write the report: one self-contained HTML file, in place at once or not at all.

    Parameters
    ----------
    path : path-like
        Missing folders are made.
    title : str
    summary : dict
        Figures of the run: ``events``, ``labelled``, ``pending``, ``expired``, ``dead_letters``,
        ``accuracy`` and ``log_loss`` or ``mae`` and ``rmse``, controls, ``state_hash``...
    history : dict
        Curves, as ``learner.history()`` gives them.
    networks : list of dict
        As ``learner.networks()`` gives them.
    alarms : list of dict
        ``position``, ``event``, ``signal``, ``statistic``, ``cause``, ``began``.
    info : dict
        ``source``, ``task``, ``label_delay``, ``version``, ``spec`` and anything else worth keeping.

    Raises
    ------
    SinkError
        When the file can't be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "report.html"
    ...     write_report(file, title="t", summary={}, history={}, networks=[], alarms=[], info={})
    ...     file.read_text().startswith("<!doctype html>")
    True
    """
    page = render_report(
        title=title, summary=summary, history=history, networks=networks, alarms=alarms, info=info
    )
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, part) as file:
            file.write(page.encode())
    except OSError as e:
        raise SinkError(
            f"report {str(target)!r}: {e.strerror or e}; name a file in a folder that can be written"
        ) from e
