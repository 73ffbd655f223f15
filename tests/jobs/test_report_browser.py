"""The report in a real browser: every picture is drawn, the read-out works, nothing is fetched."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_report_samples import classification, nasty, regression

from streamnn_jobs.cli.app import main
from streamnn_jobs.report import write_report

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]

# Appended to a copy of the page: measures what was drawn, moves the pointer over the first chart.
PROBE = """
<script>
  const out = {plots: {}, errors: window.broken || [], resources: performance.getEntriesByType('resource').length};
  for (const plot of document.querySelectorAll('[data-plot]')) {
    const shapes = [...plot.querySelectorAll('[data-series]')].map(s => {
      const box = s.getBoundingClientRect(), style = getComputedStyle(s);
      return {name: s.dataset.series, width: box.width, height: box.height, length: s.getTotalLength ? s.getTotalLength() : 1,
              paint: s.tagName === 'g' ? 'group' : [style.stroke, style.fill].join(' ')};
    });
    (out.plots[plot.dataset.plot] ||= []).push({shapes, width: plot.getBoundingClientRect().width});
  }
  const svg = document.querySelector('svg.plot:not(.none)');
  if (svg) {
    const box = svg.getBoundingClientRect();
    svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2, clientY: box.top + 9}));
    const tip = svg.closest('figure').querySelector('.tip');
    out.tip = tip && !tip.hidden ? tip.textContent : '';
  }
  out.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  out.alerted = Boolean(window.alerted);
  const note = document.createElement('pre');
  note.id = 'probe';
  note.textContent = JSON.stringify(out);
  document.body.append(note);
</script>
"""
WATCH = "<script>window.broken = []; window.onerror = m => { window.broken.push(String(m)); }; window.alert = () => { window.alerted = true; };</script>"


def browse(file: Path, folder: Path, width: int = 1200) -> str:
    """The document as Chromium has it after the page's scripts ran."""
    assert CHROMIUM
    quiet = [
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
    command += [
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},2000",
        "--dump-dom",
        file.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def probe(run: dict[str, Any], folder: Path, width: int = 1200) -> dict[str, Any]:
    """Measures of the page as drawn."""
    file = folder / "report.html"
    write_report(file, **run)
    return measured(file, folder, width)


def measured(file: Path, folder: Path, width: int = 1200) -> dict[str, Any]:
    """Measures of a page that was written, as drawn."""
    text = file.read_text("utf-8")
    # The page allows its own script only; the copy that is measured allows the probe too.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    text = text.replace("<head>", "<head>" + WATCH, 1).replace("</body>", PROBE + "</body>")
    copy = folder / "probed.html"
    copy.write_text(text, "utf-8")
    found = re.search(r'<pre id="probe">(.*?)</pre>', browse(copy, folder, width), re.S)
    assert found, "the page's scripts did not run to their end"
    words = (
        found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&")
    )
    return json.loads(words)


@pytest.mark.parametrize("make", [classification, regression, nasty])
@pytest.mark.parametrize("width", [1200, 500])
def test_every_picture_is_drawn(make: Any, width: int, tmp_path: Path) -> None:
    run = make()
    found = probe(run, tmp_path, width)
    first = "accuracy" if run["info"]["task"] == "classification" else "mae"
    want = [first, "loss", "regret", "weights", "surprise", "entropy", "slopes"]
    want += [f"activations-{i}" for i in range(len(run["networks"]))]
    check_filled(found, want)
    assert not found["alerted"]


@pytest.mark.parametrize("width", [1200, 500])
def test_every_picture_of_a_real_run_holds_data(
    width: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "flights.html"
    assert main(["replay", "flights", "--until", "3000", "--json", "--report", str(file)]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["report"] == str(file)
    found = measured(file, tmp_path, width)
    want = ["accuracy", "loss", "regret", "weights", "surprise", "entropy", "slopes"]
    check_filled(found, want + [f"activations-{i}" for i in range(len(figures["lipschitz_bound"]))])


def check_filled(found: dict[str, Any], want: list[str]) -> None:
    """Every plot of the page is there, holds data and is drawn in its place."""
    assert list(found["plots"]) == want
    for name, plots in found["plots"].items():
        for plot in plots:
            assert plot["width"] > 60, name
            assert plot["shapes"], name
            for shape in plot["shapes"]:
                assert shape["width"] > 5 and shape["length"] > 0, (name, shape)
                assert shape["paint"] != "none none", (name, shape)
            assert any(shape["height"] > 5 for shape in plot["shapes"]), name
    assert found["errors"] == []
    assert found["resources"] == 0
    assert found["overflow"] <= 0
    assert "labels learnt" in found["tip"] and "the pool" in found["tip"]


def test_an_empty_run_opens(tmp_path: Path) -> None:
    found = probe(
        {"title": "t", "summary": {}, "history": {}, "networks": [], "alarms": [], "info": {}}, tmp_path
    )
    assert found["errors"] == [] and len(found["plots"]) == 8
    assert all(not plot["shapes"] for plots in found["plots"].values() for plot in plots)


def test_the_page_as_written_runs_its_own_script_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_report(file, **nasty())
    dom = browse(file, tmp_path)
    assert 'class="tip"' in dom  # the script's mark: its digest is the one that the page allows
    text = file.read_text("utf-8").replace("</body>", "<script>document.title = 'taken'</script></body>")
    file.write_text(text, "utf-8")
    assert "<title>taken</title>" not in browse(file, tmp_path)
