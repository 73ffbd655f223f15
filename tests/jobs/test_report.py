"""The report without a browser: what is on the page, that it is safe, and that writing is atomic."""

from __future__ import annotations

import os
import re
import tomllib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_report_samples import NASTY, classification, nasty, regression

import streamnn_jobs
from streamnn.errors import SinkError
from streamnn_jobs.report import render_report, write_report
from streamnn_jobs.report.downsampling import join_means
from streamnn_jobs.report.line_charts import Axes, Line, line_chart
from streamnn_jobs.report.scales import log_ticks, span, ticks
from streamnn_jobs.report.spline_gallery import pick_units, spline_gallery
from streamnn_jobs.report.templating import TEMPLATES

VOID = {"meta", "br", "link", "img", "input", "hr"}
SECTIONS = ["headline", "quality", "regret", "weights", "surprise", "slopes", "functions", "details"]
PLOTS = ["accuracy", "loss", "regret", "weights", "surprise", "entropy", "slopes"]
NO_RUN: dict[str, Any] = {
    "title": "t",
    "summary": {},
    "history": {},
    "networks": [],
    "alarms": [],
    "info": {},
}


class Page(HTMLParser):
    """Tags of a page with a check that they nest, the series of each plot, and the text shown."""

    def __init__(self, text: str):
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.series: dict[str, list[tuple[str, int]]] = {}
        self.shown = ""
        self._plot = ""
        self.feed(text)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if "data-plot" in found:
            self._plot = str(found["data-plot"])
            self.series.setdefault(self._plot, [])
        if "data-series" in found:
            self.series[self._plot].append((str(found["data-series"]), int(found["data-points"] or 0)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in ("script", "style"):
            self.shown += data


def page(run: dict[str, Any]) -> Page:
    return Page(render_report(**run))


@pytest.mark.parametrize("run", [classification(), regression()], ids=["classification", "regression"])
def test_every_section_and_plot_is_there_and_filled(run: dict[str, Any]) -> None:
    text = render_report(**run)
    found = Page(text)
    assert [a["id"] for t, a in found.tags if t == "section"] == SECTIONS
    plots = PLOTS if run["info"]["task"] == "classification" else ["mae", *PLOTS[1:]]
    plots = plots + [f"activations-{i}" for i in range(len(run["networks"]))]
    assert list(found.series) == plots
    for name in plots:
        assert found.series[name], name
        assert all(points > 1 for _, points in found.series[name]), name
    assert len(text.encode()) < 1_500_000
    # Every section says how to read it, and every picture has a title and a description.
    assert sum(a.get("class") == "how" for _, a in found.tags) == len(SECTIONS)
    outer = sum(1 for t, a in found.tags if t == "svg" and "data-plot" in a)
    assert sum(t == "desc" for t, _ in found.tags) == outer


def test_nothing_is_loaded_from_outside() -> None:
    found = page(classification(60))
    for tag, attrs in found.tags:
        assert tag not in ("link", "img", "iframe", "object", "base"), tag
        for name, value in attrs.items():
            assert name not in ("src", "href", "srcset", "xlink:href", "action"), (tag, name, value)
    text = render_report(**classification(60))
    assert "url(" not in text and "@import" not in text
    assert set(re.findall(r"\w+://[^'\"\s]+", text)) == {
        "http://www.w3.org/2000/svg"
    }  # a name, never fetched
    assert "default-src 'none'" in text


def test_user_data_cannot_break_out() -> None:
    run = nasty()
    text = render_report(**run)
    found = Page(text)
    scripts = [a for t, a in found.tags if t == "script"]
    assert sum(a.get("type") != "application/json" for a in scripts) == 1
    assert "<script>alert" not in text
    assert found.shown.count(NASTY) > 20
    plain = page(classification(40))
    assert [t for t, _ in plain.tags if t == "section"] == [t for t, _ in found.tags if t == "section"]


@pytest.mark.parametrize(
    "keep", [[], ["labelled"], ["labelled", "accuracy"], ["observed", "surprise"], ["experts"]]
)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_part_of_the_history_is_enough(keep: list[str], task: str) -> None:
    run = classification(9)
    run["info"]["task"] = task
    run["history"] = {k: run["history"][k] for k in keep}
    found = page(run)
    empty = {a["data-plot"] for t, a in found.tags if a.get("data-empty")}
    want = {"regret", "weights"} | (
        {"accuracy"} if task == "classification" and "accuracy" not in keep else set()
    )
    assert want <= empty
    assert [a["id"] for t, a in found.tags if t == "section"] == SECTIONS


def test_no_run_at_all() -> None:
    found = page(NO_RUN)
    assert all(not series for series in found.series.values())
    assert "No label has been learnt yet" in found.shown
    assert "Alarms: none." in found.shown


@pytest.mark.parametrize("make", [classification, regression])
def test_one_bucket_is_drawn(make: Any) -> None:
    found = page(make(1))
    assert all(found.series[name] for name in ("loss", "regret", "weights", "surprise", "entropy"))


def test_nan_buckets_leave_gaps() -> None:
    run = classification(20)
    for value in run["history"].values():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            value[5:9] = np.nan
    run["history"]["entropy"][:] = np.nan
    run["history"]["regret_bound"] = float("nan")
    run["summary"] |= {"accuracy": float("nan"), "auroc": float("nan")}
    text = render_report(**run)
    found = Page(text)
    assert dict(found.series["accuracy"])["the pool"] == 16
    assert dict(found.series["regret"])["regret"] == 17
    assert found.series["entropy"] == []
    for path in re.findall(r" d='([^']*)'", text):
        assert "nan" not in path and "inf" not in path
    assert "nan" not in found.shown


def test_alarms_are_marked_in_each_curve_and_listed() -> None:
    run = classification(100)
    run["alarms"] = [
        {**a, "event": 3000 + 40 * i, "cause": "more noise"} for i, a in enumerate(run["alarms"] * 100)
    ]
    found = page(run)
    marks = sum(1 for _, a in found.tags if a.get("data-mark") == "alarm")
    assert marks == 6 * 200  # two of quality, regret, weights, surprise, entropy; no more than 200 each
    assert "100 earlier alarms are not listed." in found.shown
    assert "class='alarm many'" in render_report(**run)  # faint, so that the curves are seen
    run["alarms"] = run["alarms"][:2]
    run["summary"]["alarm_count"] = 7
    text = render_report(**run)
    assert "class='alarm many'" not in text
    assert "<th scope='row' class='num'>6</th>" in text and "5 earlier alarms are not listed." in text


def test_an_alarm_stands_where_its_event_was() -> None:
    run = classification(10)
    run["alarms"] = [{"event": 790, "cause": "new inputs"}]
    text = render_report(**run)
    surprise = text[text.index("data-plot='surprise'") :]
    assert "x1='50.00%'" in surprise[: surprise.index("</svg><script")]


def test_the_verdict_says_which_control_is_best() -> None:
    run = classification(30)
    assert "online logistic regression, reaches 78.2" in page(run).shown
    run["summary"]["majority"] = 0.9
    assert (
        "majority, reaches 90.0\u00a0%, which is better than the pool by 48\u00a0% of its error"
        in page(run).shown
    )
    assert "so the pool makes 43\u00a0% less error" in page(regression(30)).shown


def test_controls_missing_in_the_summary_come_from_the_curves() -> None:
    run = classification(4)
    run["summary"].pop("majority")
    run["history"]["accuracy_majority"] = np.array([0.1, 0.2, 0.3, 0.4])
    assert "25.0\u00a0%" in page(run).shown


def test_secrets_of_the_spec_are_not_shown() -> None:
    text = render_report(**classification(5))
    assert "hunter2" not in text and "sasl_password" in text


def test_networks_without_splines_or_bounds() -> None:
    run = classification(5)
    run["networks"] = [
        {"name": "wide", "certified": None, "attacked": None},
        {
            "name": "odd",
            "certified": float("inf"),
            "attacked": 2.0,
            "knots": [0.0],
            "splines": [[0.0]],
            "used": [1.0],
        },
    ]
    found = page(run)
    assert found.series["slopes"] == [("odd", 2)]
    assert "no bound" in found.shown
    assert found.series["activations-0"] == found.series["activations-1"] == []


def test_the_file_is_replaced_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "deep" / "report.html"
    write_report(target, **regression(3))
    before = target.read_text("utf-8")
    assert before == render_report(**regression(3))

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SinkError, match=r"report\.html.*No space left"):
        write_report(target, **classification(3))
    assert target.read_text("utf-8") == before
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(SinkError, match=r"report\.html"):
        write_report(tmp_path / "report.html", **NO_RUN)
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="report"):
        write_report(tmp_path / "file" / "report.html", **NO_RUN)


def test_lone_surrogates_and_control_characters_can_be_written(tmp_path: Path) -> None:
    run = NO_RUN | {"title": "a\ud800b\x00c", "info": {"spec": {"x": "\udfff"}}}
    write_report(tmp_path / "r.html", **run)
    assert b"\x00" not in (tmp_path / "r.html").read_bytes()


@given(st.text())
def test_escaped_text_reads_back(text: str) -> None:
    before, _, after = TEMPLATES.render("spec.html", spec="|").partition("|")
    found = TEMPLATES.render("spec.html", spec=text).removeprefix(before).removesuffix(after)
    assert not set(found) & set("<>\"'")


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 10))
def test_ticks_are_few_round_and_inside(low: float, width: float, about: int) -> None:
    found = ticks(low, low + width, about)
    step = width / about
    assert len(found) <= 2 * about
    assert all(low - 1e-6 * step <= t <= low + width + 1e-6 * step for t in found)
    assert len({round(b - a, 6) for a, b in pairwise(found)}) <= 1


@given(st.floats(-8, 8), st.floats(0.3, 12))
def test_log_ticks_stay_inside(power: float, decades: float) -> None:
    low, high = 10**power, 10 ** (power + decades)
    found = log_ticks(low, high, 8)
    assert len(found) <= 9
    assert all(low * 0.99 <= t <= high * 1.01 for t in found)


anything = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(arrays(np.float64, st.integers(0, 30), elements=anything))
def test_any_values_give_a_picture(values: np.ndarray) -> None:
    low, high = span([values])
    assert np.isfinite([low, high]).all() and low < high
    figure = line_chart("p", "P", np.arange(1, len(values) + 1), [Line("a", values, "pool")], Axes("x", "y"))
    found = Page(figure)
    count = int(np.isfinite(values).sum())
    assert sum(points for _, points in found.series["p"]) == (2 * count if len(values) == 1 else count)
    paths = "".join(a.get("d") or "" for t, a in found.tags if t == "path")
    assert "nan" not in paths and "inf" not in paths


@given(arrays(np.float64, 12, elements=st.floats(-1e3, 1e3)), st.integers(1, 12))
def test_joined_means_keep_the_total(values: np.ndarray, size: int) -> None:
    weights = np.arange(1.0, 13)
    starts = np.arange(0, 12, size)
    mass = np.add.reduceat(weights, starts)
    assert np.dot(join_means(values, weights, starts), mass) == pytest.approx(
        np.dot(values, weights), abs=1e-6
    )


def test_units_that_moved_and_matter_come_first() -> None:
    knots = np.linspace(-1, 1, 5)
    start = np.where(knots > 0, knots, 0.01 * knots)
    splines = np.tile(start, (40, 1))
    splines[7] += 0.5
    splines[9] += 2.0
    splines[11] = np.nan
    used = np.ones(40)
    used[9] = 0.0
    picked = pick_units(splines, start, used)
    assert picked[0] == 7 and 11 not in picked and len(picked) == 24
    html = spline_gallery({"name": "n", "knots": knots, "splines": splines, "used": used}, 0)
    assert len(Page(html).series["activations-0"]) == 24


def test_every_file_beside_the_code_is_installed() -> None:
    folder = Path(streamnn_jobs.__file__).parent
    setup = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["tool"]["setuptools"]
    installed = {path for glob in setup["package-data"]["streamnn_jobs"] for path in folder.glob(glob)}
    beside = {p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc", ".nbi", ".nbc")}
    assert beside == installed
    assert {p.suffix for p in installed} >= {".css", ".html", ".js"}
