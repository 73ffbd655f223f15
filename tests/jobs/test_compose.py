"""The Compose stack as data: services, pinned images, and every metric that its files ask for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamnn_jobs.metrics import FAMILIES
from streamnn_jobs.spec.load import make_spec

ROOT = Path(__file__).parents[2]
STACK = ROOT / "docker-compose.yml"
FOLDER = ROOT / "compose"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "streamnn.json"
PROMTOOL = shutil.which("promtool")


def services() -> dict[str, str]:
    """The text of every service; the file keeps to two spaces a level."""
    text = STACK.read_text().split("\nservices:\n")[1].split("\nvolumes:\n")[0]
    parts = re.split(r"(?m)^  ([a-z]+):.*\n", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def expressions() -> list[tuple[str, str]]:
    """What is asked for, and by whom."""
    board = dashboard()
    found = [(p["title"], t["expr"]) for p in board["panels"] for t in p["targets"]]
    found += [(a["name"], a["expr"]) for a in board["annotations"]["list"]]
    found += [(v["name"], v["query"]["query"]) for v in board["templating"]["list"]]
    alerts = (FOLDER / "alerts.yml").read_text()
    found += [("alert", e) for e in re.findall(r"(?m)^ +expr: (.+)$", alerts)]
    return found


def names() -> Iterator[tuple[str, str]]:
    """Metric and the labels that go with it, in braces or behind `by`."""
    for _, expr in expressions():
        by = re.findall(r"by \(([^)]*)\)", expr)
        for name, braces in re.findall(r"\b(streamnn_\w+)(?:\{([^}]*)\})?", expr):
            yield name, ",".join([*by, *re.findall(r'(\w+)=~?"', braces)])


def test_pending_events_are_compared_with_the_job_s_own_limit() -> None:
    asked = [expr for name, expr in expressions() if "streamnn_max_pending_events" in expr]
    assert len(asked) == 2 and "streamnn_pending_events > 0.9 * streamnn_max_pending_events" in asked
    assert not [
        text
        for text in ("90000", "100000")
        for p in FOLDER.rglob("*.*")
        if p.is_file() and text in p.read_text()
    ]


def test_the_services_are_these() -> None:
    assert set(services()) == {"kafka", "topics", "feeder", "job", "prometheus", "grafana"}


def test_images_have_a_version() -> None:
    images = re.findall(r"image: (\S+)", STACK.read_text())
    images += re.findall(r"(?m)^FROM (\S+)", (ROOT / "Dockerfile").read_text())
    assert len(images) == 8
    for image in images:
        assert re.search(r":v?\d+\.\d+(\.\d+|-slim-\w+)$", image), image
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert images.count(f"streamnn:{version}") == 3


def test_all_fits_in_4_gb() -> None:
    limits = {name: re.search(r"mem_limit: (\d+)([mg])", text) for name, text in services().items()}
    assert all(limits.values()), limits
    together = sum(int(m[1]) * {"m": 1, "g": 1024}[m[2]] for m in limits.values() if m)
    assert together <= 4096


def test_what_stays_up_has_a_health_check_and_starts_again() -> None:
    for name, text in services().items():
        ends = name in ("topics", "feeder")
        assert ("healthcheck:" in text) != ends, name
        assert ("restart: on-failure" in text) == ends and ("<<: *service" in text) != ends, name


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [line for text in services().values() for line in re.findall(r"(?m)^      - (\S+:\d+)$", text)]
    assert len(ports) == 3 and all(p.startswith("127.0.0.1:") for p in ports), ports


def test_what_is_mounted_exists() -> None:
    mounted = re.findall(r"(?m)^      - \./(\S+?):", STACK.read_text())
    assert len(mounted) == 5
    assert all((ROOT / path).exists() for path in mounted), mounted


def test_the_job_stops_before_it_is_killed() -> None:
    spec = make_spec(tomllib.loads((FOLDER / "job.toml").read_text()))
    patience = re.search(r"stop_grace_period: (\d+)s", services()["job"])
    assert patience and int(patience[1]) > spec.run.stop_timeout_s
    assert spec.checkpoint.directory and spec.checkpoint.directory.startswith("/var/lib/streamnn/")
    assert spec.kafka.alarms and spec.kafka.dead_letters and spec.kafka.merge_log and spec.kafka.predictions


def test_every_metric_that_is_asked_for_exists() -> None:
    known = {f.name: set(f.labels) for f in FAMILIES}
    known |= {f.name + "_bucket": {*f.labels, "le"} for f in FAMILIES if f.kind == "histogram"}
    asked = list(names())
    assert {name for name, _ in asked} <= set(known)
    for name, labels in asked:
        assert set(re.findall(r"\w+", labels)) <= known[name], (name, labels)


@pytest.mark.parametrize(
    "name",
    [
        "log_loss_nats_total", "regret", "regret_bound", "expert_weight_ratio", "surprise_nats", "entropy_nats",
        "alarms_total", "lag_records", "dead_letters_total", "lipschitz_bound",
    ],
)  # fmt: skip
def test_the_dashboard_shows(name: str) -> None:
    assert f"streamnn_{name}" in {n for n, _ in names()}


def test_panels_are_whole() -> None:
    panels = dashboard()["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        place = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not place & taken and max(x for x, _ in place) < 24, panel["title"]
        taken |= place
        assert panel["targets"] and all(t["expr"] for t in panel["targets"])


def test_alarms_are_annotations_with_their_cause() -> None:
    (alarms,) = dashboard()["annotations"]["list"]
    assert (
        alarms["enable"]
        and "streamnn_alarms_total" in alarms["expr"]
        and "{{cause}}" in alarms["titleFormat"]
    )


def test_grafana_finds_its_source_and_its_dashboard() -> None:
    source = (FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text()
    board = dashboard()
    used = {p["datasource"]["uid"] for p in board["panels"]}
    used |= {t["datasource"]["uid"] for p in board["panels"] for t in p["targets"]}
    used |= {a["datasource"]["uid"] for a in board["annotations"]["list"]}
    assert used == set(re.findall(r"(?m)^    uid: (\w+)$", source))
    assert "url: http://prometheus:9090" in source
    folder = re.findall(r"path: (\S+)", (FOLDER / "grafana/provisioning/dashboards/streamnn.yml").read_text())
    assert folder and f"./compose/grafana/dashboards:{folder[0]}:ro" in services()["grafana"]
    assert f"DASHBOARD_PATH: {folder[0]}/{DASHBOARD.name}" in services()["grafana"]


def test_the_image_has_no_torch_and_no_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "torch" not in "".join(line for line in text.splitlines() if not line.startswith("#"))
    last = text.split("\nFROM ")[-1]
    assert "\nUSER streamnn\n" in last and "--uid 10001" in last
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[1] == "*" and "!tests" not in kept


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool: apt-get install prometheus")
def test_promtool_takes_the_files() -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "config", str(FOLDER / "prometheus.yml")], capture_output=True, text=True
    )
    assert done.returncode == 0 and "7 rules found" in done.stdout, done.stdout + done.stderr
