"""What a feed makes of a stream and of what was asked for, before any broker is there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from streamnn.errors import SpecError
from streamnn_jobs.kafka.feed_plan import plan_feed


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "my shop.csv"
    path.write_text(
        "id,at,t_ms,count,sold,known,y\na,2026-01-01T00:00:00,5,1,1.5,9,0\nb,2026-01-01T00:01:00,6,2,2,9,1\n"
    )
    return str(path)


def test_flights_say_all_of_themselves() -> None:
    plan = plan_feed("flights", speed="3600")
    assert plan.topics == {w: f"flights-{w}" for w in ("events", "labels", "predictions", "dead", "merge")}
    assert (plan.name, plan.columns.label, plan.rate, plan.unit_ms) == ("flights", "y", 60.0, None)
    assert asdict(plan.columns) == {
        "label": "y",
        "event_time": "t_event_min",
        "label_time": "t_label_min",
        "delay_events": 0,
        "key": None,
        "missing": (-1,),
        # what is known after the landing only would give the label away
        "leave_out": ["arr_delay", "dep_delay", "t_label_min"],
    }
    assert plan_feed("flights", stamps="event").unit_ms == 60_000
    other = plan_feed(
        "flights", label="distance", prefix="other flights", topics={"labels": "known", "events": None}
    )
    assert other.columns.label_time is None and "y" in other.columns.leave_out
    assert (other.topics["events"], other.topics["labels"]) == ("other-flights-events", "known")
    late = plan_feed("flights", delay=5)
    assert late.columns.label_time is None and late.columns.delay_events == 5


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({"time": "t_ms"}, 2000.0),
        ({"time": "at"}, 2.0),
        ({"time": "count", "time_unit": "min"}, 2 / 60),
        ({"time": "t_ms", "time_unit": "d"}, 2 / 86400),
    ],
)
def test_units_of_time(shop: str, options: dict[str, Any], rate: float) -> None:
    assert plan_feed(shop, speed="2", **options).rate == pytest.approx(rate)


def test_a_file_and_its_columns(shop: str) -> None:
    plan = plan_feed(shop, key="id", label="sold", time="t_ms", label_time="known", rate=1000)
    assert plan.topics["events"] == "my-shop-events" and plan.columns.label == "sold"
    assert plan.columns.key == "id" and plan.columns.leave_out == ["y"]
    assert (plan.rate, plan.events_per_s, plan.pace) == (None, 1000, "1,000 events a second")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"speed": "3600"}, "--time: is missing; --speed needs"),
        ({"stamps": "event"}, "--time: is missing; --timestamps event needs"),
        ({"label_time": "known"}, "--time: is missing; --label-time needs"),
        ({"label_time": "known", "delay": 3, "time": "at"}, "by one of them, not by both"),
        ({"time": "count", "speed": "1"}, "--time-unit: is missing; say what 'count' counts"),
        ({"time": "count", "speed": "1", "time_unit": "week"}, "--time-unit: is 'week'; allowed: ns, us"),
        ({"time": "at", "speed": "1", "time_unit": "ms"}, "whose times are seconds: leave it out"),
        ({"time": "t_ms", "speed": "-1"}, "--speed: is '-1'; it must be max, or a number above 0"),
        ({"time": "t_ms", "speed": "nan"}, "--speed: is 'nan'"),
        ({"time": "t_ms", "speed": "2", "rate": 3}, "--speed and --rate are two paces"),
        ({"rate": 0}, "--rate: is 0"),
        ({"key": "nope"}, r"--key: .* has no column 'nope'; it has id, at"),
        ({"label": "nope"}, "--label: .* has no column 'nope'"),
    ],
)  # fmt: skip
def test_mistakes_are_named(shop: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        plan_feed(shop, **options)
