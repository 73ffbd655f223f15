"""The whole page, and writing it so that no half page is ever seen."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamnn.errors import SinkError

from .coverage import coverage
from .curves import quality, regret, surprise, weights
from .formats import esc
from .headline import headline
from .insides import certificate, details, functions
from .report import Report
from .script import JS
from .style import CSS


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
    body = "".join(
        part(report)
        for part in (headline, quality, regret, weights, surprise, coverage, certificate, functions, details)
    )
    # Only the page's own script may run, and nothing may be fetched, whatever the data hold.
    digest = base64.b64encode(hashlib.sha256(JS.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{esc(title)}</title><style>{CSS}</style></head>\n<body><main>{body}"
        f"<footer>Written by streamnn {esc(info.get('version', ''))}. One file, nothing loaded from outside.</footer>"
        f"</main><script>{JS}</script></body></html>\n"
    )


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
        try:
            with open(part, "w", encoding="utf-8") as file:
                file.write(page)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as e:
        raise SinkError(
            f"report {str(target)!r}: {e.strerror or e}; name a file in a folder that can be written"
        ) from e
