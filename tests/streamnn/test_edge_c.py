"""The C of an artefact does what the device in Python does: artefacts of random integers, with nothing undefined."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from artefact_helpers import random_artefact, random_events
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.edge import Artefact, Device, InputStage, Module, Output, Sensor, Spline, load
from streamnn.edge.answers import radius_of, value_of
from streamnn.edge.c import emit_c
from streamnn.edge.density import surprise
from streamnn.edge.modules import run_modules
from streamnn.edge.readings import Readings
from streamnn.errors import MissingCompiler, SchemaError, SpecError, StateError
from streamnn.types import LEARN, OBSERVE

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"]
SANITISERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
LEARNING = ("off", "bias", "layer")

needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="needs a C compiler: apt-get install gcc libc6-dev"
)
pytestmark = needs_compiler


def built(files, folder, *flags):
    """The program that tests itself, after compiling with every warning an error."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    command = ["gcc", *STRICT, *flags, "model.c", "model_test.c", "-o", "test"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return folder / "test"


def same(artefact, model, events):
    """How many events differ, logits or probabilities."""
    wanted, found = Device(artefact).run(*events), model.run(*events)
    return sum(int((a != b).any(1).sum()) for a, b in zip(wanted, found, strict=True))


@pytest.mark.parametrize("learning", LEARNING)
def test_c_equals_the_device(learning):
    artefact = random_artefact(7, learning)
    assert same(artefact, load(artefact), random_events(artefact, 300, 7)) == 0


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(LEARNING), st.sampled_from(["source", "bin"]))
def test_c_equals_the_device_for_any_artefact(seed, learning, tables):
    artefact = random_artefact(seed, learning)
    assert same(artefact, load(artefact, tables=tables), random_events(artefact, 300, seed)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("tables", ["source", "bin"])
def test_it_tests_itself_with_nothing_undefined(tmp_path, seed, tables):
    artefact = random_artefact(seed + 20_000, LEARNING[seed % 3])
    test = built(emit_c(artefact, tables=tables, vectors=300), tmp_path, "-O1", "-g", *SANITISERS)
    done = subprocess.run([test], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("tables", ["source", pytest.param("bin", marks=pytest.mark.slow)])
def test_a_test_of_itself_finds_what_is_wrong(tmp_path, tables):
    files = emit_c(random_artefact(5, "layer"), tables=tables)
    assert subprocess.run([built(files, tmp_path, *SANITISERS)]).returncode == 0
    text = files["vectors.h"].decode()
    at = text.index("vector_logit")
    at = text.index("\n  ", at) + 3
    files["vectors.h"] = (text[:at] + ("" if text[at] == "-" else "-") + text[at:].lstrip("-")).encode()
    assert subprocess.run([built(files, tmp_path)]).returncode == 1


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("optimise", "seeds"),
    [("-O2", [0]), pytest.param("-Os", range(9), marks=SLOW), pytest.param("-O3", range(9), marks=SLOW)],
)
def test_it_needs_nothing_from_elsewhere(tmp_path, optimise, seeds):
    for seed in seeds:
        learning = LEARNING[seed % 3]
        for name, content in emit_c(random_artefact(seed, learning), probabilities=True).items():
            (tmp_path / name).write_bytes(content)
        subprocess.run(["gcc", *STRICT, optimise, "-c", "model.c"], cwd=tmp_path, check=True)
        undefined = subprocess.run(
            ["nm", "-u", "model.o"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert undefined.stdout == ""


@pytest.mark.parametrize("seed", [100, *(pytest.param(s, marks=pytest.mark.slow) for s in range(101, 110))])
def test_surprise_and_radius(seed):
    artefact = replace(random_artefact(seed, "bias"), bound=3.7, rounding=0.02)
    model, (_, _, raw, _) = load(artefact), random_events(artefact, 200, seed)
    observed = np.full(200, OBSERVE, np.int8), np.arange(200), raw, np.zeros(200, np.int64)
    x, ids = Device(artefact).inputs(*observed)
    said = model.say(raw)
    through = run_modules(artefact.modules, x, ids)
    if artefact.surprise is not None:
        assert np.array_equal(said.surprise, surprise(artefact.surprise, through[-2]))
    assert np.array_equal(said.radius, radius_of(through[-1], artefact))
    if len(artefact.classes) > 2:
        assert np.array_equal(said.answer, through[-1].argmax(1))


def test_a_radius_is_never_too_large():
    artefact = replace(random_artefact(100, "bias"), bound=2.0, rounding=0.1)
    logits = np.random.default_rng(0).integers(-20_000, 20_000, (5000, len(artefact.classes)))
    two = np.sort(logits * np.log(2) * 2.0**-artefact.logit_fraction, axis=1)[:, -2:]
    real = ((two[:, 1] - two[:, 0]) / np.sqrt(2) - artefact.rounding) / artefact.bound * 32
    found = radius_of(logits, artefact)
    low = logits.max(1) - np.sort(logits, axis=1)[:, -2] < 65_536
    assert (found <= np.maximum(real, 0)).all() and (found[low] >= np.floor(real * 0.999)[low] - 1).all()


def numbers(seeds):
    """Artefacts that predict a number."""
    return [a for a in map(random_artefact, seeds) if not a.classes]


def test_a_number_in_raw_units():
    found = numbers(range(30))
    assert len(found) > 1
    for artefact in found[:2]:
        raw = random_events(artefact, 100, 1)[2]
        model = load(artefact)
        said, logits = model.say(raw), Device(artefact).predict(raw)
        assert np.array_equal(said.answer, value_of(logits, artefact.target, artefact.logit_fraction))
        t = artefact.target
        real = (logits[:, 0] * 2.0 ** (t.scale - artefact.logit_fraction) + t.mean) * 2.0**-t.fraction
        model.reset()
        assert np.array_equal(model.predict(raw), real)


def two_classes(seed=0):
    return next(a for a in map(random_artefact, range(seed, 99)) if len(a.classes) == 2)


@pytest.mark.parametrize("decide", [0.1, 0.9])
def test_two_classes_are_told_apart_where_wanted(decide):
    artefact = two_classes()
    raw = random_events(artefact, 300, 1)[2]
    logits = Device(artefact).predict(raw)
    lead = (logits[:, 1] - logits[:, 0]) * 2.0**-artefact.logit_fraction
    answer = load(artefact, decide=decide).say(raw).answer
    assert np.array_equal(answer, (lead > np.log2(decide / (1 - decide)) + 1e-9).astype(int))


@pytest.mark.parametrize("tables", ["source", "bin"])
def test_an_update_keeps_the_state(tables):
    r = np.random.default_rng(1)
    old = next(
        a for a in (random_artefact(s, "layer") for s in range(99)) if a.stage.spans and a.stage.classes
    )
    first = old.modules[0]
    new = replace(
        old, modules=(replace(first, bias=first.bias + r.integers(-50, 50, first.units)), *old.modules[1:])
    )
    before, after = random_events(old, 100, 1), random_events(old, 100, 2)
    device, model = Device(old), load(old, tables=tables)
    device.run(*before), model.run(*before)
    device = device.update(new)
    if tables == "bin":
        model.swap(emit_c(new, tables="bin")["tables.bin"])
    else:
        last, model = model, load(new)
        model.follow(last)
    for wanted, found in zip(device.run(*after), model.run(*after), strict=True):
        assert np.array_equal(wanted, found)


def test_tables_that_do_not_fit_are_refused():
    a, b = random_artefact(1, "off"), random_artefact(2, "layer")
    model = load(a, tables="bin")
    good = emit_c(a, tables="bin")["tables.bin"]
    for data, why in [
        (b"", "no tables"),
        (good[:-4], "no tables"),
        (b"XXXX" + good[4:], "no tables"),
        (good[:4] + b"\x09\x00" + good[6:], "another version"),
        (emit_c(b, tables="bin")["tables.bin"], "other code"),
        (good[:-1] + bytes([good[-1] ^ 1]), "damaged"),
    ]:
        with pytest.raises(StateError, match=why):
            model.swap(data)
    model.swap(good)
    with pytest.raises(StateError, match="tables='bin'"):
        load(a).swap(good)


def small(**changes):
    """One sensor, one spline, two classes."""
    i = lambda *v: np.array(v, np.int64)  # noqa: E731
    spline = Spline(i([-99, 5, 99]), i(5), 0, 1, 5)
    hidden = Module(changes.pop("weights", i([3])), 8, i(7), changes.pop("fraction", i(9)), spline)
    last = Module(i([3, -3]), 8, i(7, 0), i(9, 9), Output(changes.pop("align", i(0, 0))))
    stage = InputStage((), i(0), i(5), np.ones(1, bool), i(0, 0), i(), i())
    return Artefact((Sensor("speed", 3),), stage, (hidden, last), ("no", "yes"), **changes)


@pytest.mark.parametrize(
    ("artefact", "says"),
    [
        (lambda: small(align=np.array([24, 24])), "beyond"),
        (lambda: small(weights=np.array([[300]])), "more than 8 bits"),
        (lambda: small(fraction=np.array([29])), "32 bits"),
        (lambda: replace(small(learning="layer"), modules=small().modules[1:]), "no hidden layer"),
    ],
)
def test_what_a_device_can_not_do_is_refused(artefact, says):
    with pytest.raises(SpecError, match=says):
        emit_c(artefact())


def test_options_are_checked():
    for wrong in ({"name": "My model"}, {"tables": "flash"}, {"decide": 1.0}):
        with pytest.raises(SpecError):
            emit_c(small(), **wrong)


def test_places_far_beyond_the_knots_are_held_still():
    wide = replace(small(), modules=small().modules)
    hidden = wide.modules[0]
    steep = replace(hidden.after, knots=np.array([[-128, 127, -128]]))
    big = replace(hidden, after=steep, bias=np.array([1 << 27]), fraction=np.array([12]))
    artefact = replace(wide, modules=(big, wide.modules[1]))
    raw = np.arange(-2000, 2000, 7).astype(np.int32)[:, None]
    assert "clip(fr" in emit_c(artefact)["model.c"].decode()
    for bias in (-(1 << 27), -5000, 0, 5000, 1 << 27):
        artefact = replace(wide, modules=(replace(big, bias=np.array([bias])), wide.modules[1]))
        assert np.array_equal(load(artefact).say(raw).logits, Device(artefact).predict(raw))


def test_rows_of_all_kinds_give_the_same():
    base = small()
    artefact = replace(
        base,
        sensors=(Sensor("speed", 3), Sensor("gear", 0, ("low", "high"))),
        stage=replace(
            base.stage,
            mean=np.zeros(2, np.int64),
            shift=np.array([5, 3]),
            on=np.ones(2, bool),
            key_start=np.zeros(3, np.int64),
        ),
        modules=(replace(base.modules[0], weights=np.array([[3], [40]])), base.modules[1]),
    )
    speed, gear = [1.5, None, -20.0, 7.25], ["high", "low", "none", None]
    rows = [{"speed": s, "gear": g, "other": 1} for s, g in zip(speed, gear, strict=True)]
    model = load(artefact)
    a = model.predict_proba({"speed": np.array([1.5, np.nan, -20.0, 7.25]), "gear": gear})
    b = model.predict_proba(rows)
    raw = np.array([[12, 1], [-(1 << 30), 0], [-160, -(1 << 30)], [58, -(1 << 30)]])
    assert np.array_equal(a, b) and np.array_equal(a, model.predict_proba(raw))
    assert set(model.predict(rows)) <= {"no", "yes"}
    with pytest.raises(SchemaError, match="'speed' reads numbers"):
        model.predict([{"speed": "fast"}])
    with pytest.raises(SchemaError, match="shape"):
        model.predict(np.zeros((3, 1), np.int32))
    with pytest.raises(SchemaError, match="gear"):
        model.predict({"speed": [1.0, 2.0], "gear": ["low"]})


def test_one_event_and_its_label_later():
    artefact = next(a for a in (random_artefact(s, "layer") for s in range(99)) if a.stage.classes)
    op, slot, raw, label = random_events(artefact, 40, 3, delay=2)
    model, events, found = load(artefact), {}, []
    for o, s, y in zip(op, slot, label, strict=True):
        if o == LEARN:
            model.learn(events.pop(s), artefact.classes[y])
        else:
            answer, events[s] = model.step(raw[s])
            found.append(answer)
    wanted = Device(artefact).run(op, slot, raw, label)[0].argmax(1)
    assert found == [artefact.classes[k] for k in wanted]
    with pytest.raises(SpecError, match="none of"):
        model.learn(model.step(raw[0])[1], "unheard of")


def test_a_folder(tmp_path):
    from streamnn.edge.saving import to_bytes

    artefact = two_classes()
    with pytest.raises(StateError, match="streamnn export"):
        load(tmp_path)
    (tmp_path / "artefact.safetensors").write_bytes(to_bytes(artefact))
    events = random_events(artefact, 100, 1)
    assert same(artefact, load(tmp_path), events) == 0
    assert same(artefact, load(tmp_path / "artefact.safetensors"), events) == 0
    for name, content in emit_c(artefact, tables="bin").items():
        (tmp_path / name).write_bytes(content)
    assert same(artefact, load(str(tmp_path)), events) == 0
    for name in ("other.c", "other.h"):
        (tmp_path / name).write_bytes(emit_c(artefact, name="other")[name])
    with pytest.raises(StateError, match=r"more than one model \(model, other\)"):
        load(tmp_path)
    (tmp_path / "other.c").unlink()
    (tmp_path / "model.c").write_text("nonsense")
    with pytest.raises(StateError, match="can't compile"):
        load(tmp_path)


@pytest.mark.parametrize("rows", [{"s0": 1.5}, {"s0": "1.5"}, [1, 2], "rows", None, [[1, 2]]])
def test_rows_that_are_none(rows):
    with pytest.raises(SchemaError, match="give a"):
        Readings(two_classes().sensors).of(rows)


def test_without_a_compiler(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(MissingCompiler, match=r"apt-get install gcc libc6-dev; streamnn.edge.Device"):
        load(two_classes())
