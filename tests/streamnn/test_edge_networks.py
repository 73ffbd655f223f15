"""Networks of a pool as integers: splines on another grid, category rows as sensors, the pool's rows as readings."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from edge_nets import spline_functions
from hypothesis import given
from hypothesis import strategies as st

from streamnn import Classifier, Regressor
from streamnn.edge import Device, load
from streamnn.edge.network_export import NetworkExport
from streamnn.edge.saving import from_bytes, to_bytes
from streamnn.edge.spline_grid import power_of_two_grid
from streamnn.edge.spline_resampling import resampled
from streamnn.errors import SpecError
from streamnn.network import Functions, Network, NetworkSpec
from streamnn.pool.snapshot import NetworkSnapshot
from streamnn.types import LEARN, OBSERVE

needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="needs a C compiler: apt-get install gcc libc6-dev"
)
ROWS, COLUMNS, CATEGORIES = 3, 6, 12


# splines on another grid


@given(st.integers(0, 10_000), st.sampled_from([3, 5, 21, 33]), st.floats(0.3, 9.0), st.floats(0.0, 0.3))
def test_new_grids_hold_what_is_said_of_them(seed, knots, reach, tolerance):
    old = spline_functions(np.random.default_rng(seed), 3, knots, reach)
    new, deviation = resampled(old, tolerance)
    power_of_two_grid(new, "new")
    assert new.values.shape[1] <= 33
    assert (np.abs(new.slopes()).max(1) <= np.abs(old.slopes()).max(1) * (1 + 1e-9)).all()
    first, last = new.start[0], new.start[0] + new.piece[0] * (new.values.shape[1] - 1)
    x = np.repeat(np.linspace(3 * first - 9, 3 * last + 9, 3001)[:, None], 3, 1)
    off = np.abs(new.at(x)[0] - old.at(x)[0])
    assert off.max() <= deviation + 1e-9
    beyond = (x <= min(first, -reach)) | (x >= max(last, reach))
    assert off[beyond].max() < 1e-9  # the outermost pieces go on as they did
    bends = np.abs(np.diff(old.slopes(), axis=1)).max() * (np.floor(new.piece[0] / old.piece[0]) + 1)
    assert deviation <= new.piece[0] * bends / 4 + 1e-9
    assert deviation <= tolerance or new.values.shape[1] > 12  # else a finer grid had been there


def test_a_grid_of_that_kind_is_left_alone():
    old = spline_functions(np.random.default_rng(0), 4)
    assert resampled(old) == (old, 0.0)


def test_grids_of_their_own_become_one():
    old = Functions(
        np.array([-4.0, -1.7]), np.array([0.4, 0.17]), np.random.default_rng(0).normal(size=(2, 21)) / 9
    )
    new, deviation = resampled(old, most=65)
    assert (new.piece == new.piece[0]).all() and 0.0 < deviation < 0.1
    with pytest.raises(SpecError, match="5 or more"):
        resampled(old, most=4)


# a network, without its pool


def network(**options):
    """A network that has learnt a rule of three numbers and a category, and the rows that it learnt."""
    options.setdefault("average", 300)
    classify = options.pop("classify", True)
    spec = NetworkSpec("net", (16,), **options)
    net = Network(spec, ROWS, 2 if classify else 1, classify, 1)
    net.grow(np.arange(ROWS), ROWS, 2 if classify else 1, CATEGORIES)
    r = np.random.default_rng(0)
    rows = r.normal(size=(3000, COLUMNS)).astype(np.float32)
    ids = np.stack([r.integers(0, 6, 3000), r.integers(6, CATEGORIES, 3000)], 1).astype(np.int32)
    ids[:5, 1] = -1
    ids[7, 0] = 0
    score = rows[:, 1] * rows[:, 2] + rows[:, 3] + (ids[:, 0] % 2 if spec.categories else 0) - 0.5
    y = (score > 0 if classify else score).astype(np.float32)
    op, slot = np.tile(np.int8([OBSERVE, LEARN]), 3000), np.arange(3000).repeat(2)
    p = np.zeros((3000, 2, 2 if classify else 1), np.float32)
    net.scan(op, slot, y.repeat(2), np.ones(6000, np.float32), 1, rows, ids, p)
    return NetworkSnapshot([net], [(1, 1 + ROWS)], rows[:32], {}), rows, ids


def said_by(export, rows, ids):
    x = rows[:, slice(*export.span)].astype(np.float64)
    return export.float_network()(x, ids if export.network.spec.categories else ids[:, :0])


@pytest.mark.parametrize("name", ["net", "net-mean"])
@pytest.mark.parametrize(
    "options", [{}, {"activation": "prelu", "categories": False}, {"knots": 17}, {"follow": True}], ids=str
)
def test_integers_say_what_the_network_says(name, options):
    snapshot, rows, ids = network(**options)
    export = NetworkExport(snapshot, name)
    artefact = export.artefact(rows[:500], ids[:500], classes=("no", "yes"))
    logits = Device(artefact).predict(export.raw(rows, ids))
    wanted = said_by(export, rows, ids)
    assert (logits.argmax(1) == wanted.argmax(1))[500:].mean() >= 0.97
    grid = artefact.modules[0].after
    assert (
        export.deviation == 0.0 if "prelu" in str(options) or "knots" in options else export.deviation < 0.05
    )
    steepest = np.abs(np.diff(grid.knots, axis=1)) * 2.0 ** (grid.spacing - grid.knot_fraction[:, None])
    assert steepest.max() <= 1.0
    assert artefact.about["network"] == name and artefact.about["deviation"] == export.deviation


def test_a_raw_integer_is_the_input():
    snapshot, rows, ids = network()
    export = NetworkExport(snapshot, "net", fraction=4)
    artefact = export.artefact(rows[:300], ids[:300])
    assert artefact.classes == (0, 1)
    raw = export.raw(rows, ids)
    op = np.full(len(rows), OBSERVE, np.int8)
    x, found = Device(artefact).inputs(op, np.arange(len(rows)), raw, np.zeros(len(rows), np.int64))
    assert np.array_equal(x[:, :ROWS], np.clip(np.rint(rows[:, 1:4].astype(float) * 16), -127, 127))
    assert not x[:, ROWS:].any() and np.array_equal(found, ids)
    assert [s.fraction for s in artefact.sensors] == [4, 4, 4, 0, 0]


def test_rare_category_rows_stay_at_home():
    snapshot, rows, ids = network()
    export = NetworkExport(snapshot, "net")
    ids = ids.copy()
    ids[:300, 0] = np.where(ids[:300, 0] == 3, 0, ids[:300, 0])
    ids[9, 0] = 3
    few, all_ = (export.artefact(rows[:300], ids[:300], seen=n) for n in (2, 1))
    assert len(few.modules[0].table) == CATEGORIES - 1 and len(all_.modules[0].table) == CATEGORIES
    raw = export.raw(rows[9:10], ids[9:10])
    assert few.stage.ids(raw)[0, 0] == ids[9, 1] - 1 and all_.stage.ids(raw)[0, 0] == 3
    none = export.artefact(rows[:300], ids[:300], seen=301)
    assert none.modules[0].table is None


def test_a_number_is_that_of_the_network():
    snapshot, rows, ids = network(classify=False, step=0.003)
    export = NetworkExport(snapshot, "net-mean")
    artefact = export.artefact(rows[:500], ids[:500])
    said = Device(artefact).predict(export.raw(rows, ids))[:, 0] * 2.0**-artefact.logit_fraction
    wanted = said_by(export, rows, ids)[:, 0]
    assert artefact.classes == () and np.abs(said - wanted).mean() < 0.05 * np.abs(wanted).mean() + 0.02


@needs_compiler
def test_c_says_the_same_and_so_does_a_saved_artefact():
    snapshot, rows, ids = network()
    export = NetworkExport(snapshot, "net-mean")
    artefact = export.artefact(rows[:500], ids[:500], classes=("no", "yes"))
    raw = export.raw(rows, ids)
    wanted = Device(artefact).predict(raw)
    assert np.array_equal(load(artefact).say(raw).logits, wanted)
    assert np.array_equal(Device(from_bytes(to_bytes(artefact))).predict(raw), wanted)


def test_what_does_not_fit_says_so():
    snapshot, rows, ids = network()
    with pytest.raises(SpecError, match="'wide': there are net, net-mean"):
        NetworkExport(snapshot, "wide")
    with pytest.raises(SpecError, match="allowed are 0 to 7"):
        NetworkExport(snapshot, "net", fraction=8)
    export = NetworkExport(snapshot, "net")
    with pytest.raises(SpecError, match="columns 1 to 3"):
        export.artefact(rows[:, :3], ids)
    with pytest.raises(SpecError, match="3 classes for 2 outputs"):
        export.artefact(rows, ids, classes=("a", "b", "c"))
    with pytest.raises(SpecError, match="no rows"):
        export.artefact(rows[:0], ids[:0])


def test_many_category_rows_are_refused():
    snapshot, rows, ids = network()
    export = NetworkExport(snapshot, "net")
    export.network.reserve("table", 20_000)
    with pytest.raises(SpecError, match="category row 16383"):
        export.artefact(rows[:300], np.where(ids < 0, ids, ids + 19_000)[:300])


# in its pool


def learnt(make):
    model, r = make(), np.random.default_rng(0)
    rows, ids = [], []
    for a, b in r.normal(size=(300, 2)):
        x = {"a": a, "b": b, "c": "x" if a > b else "y"}
        found = model.encoded([x])
        if found[0].shape[1]:
            rows.append(found[0]), ids.append(found[1])
        model.learn_one(x, int(a + b > 0) if make is Classifier else a + b)
    width = rows[-1].shape[1]
    fits = [i for i, row in enumerate(rows) if row.shape[1] == width]
    return model, np.concatenate([rows[i] for i in fits]), np.concatenate([ids[i] for i in fits])


@pytest.mark.slow
@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_every_network_of_a_pool_leaves(make):
    model, rows, ids = learnt(make)
    before = model.state_hash()
    snapshot = model.snapshot()
    names = [f["name"] for f in snapshot.functions()]
    assert len(names) > 5 and any(name.endswith("-mean") for name in names)
    for name in names:
        export = NetworkExport(snapshot, name)
        artefact = export.artefact(rows, ids, seen=1)
        said = Device(artefact).predict(export.raw(rows, ids))
        wanted = said_by(export, rows, ids)
        if make is Classifier:
            clear = np.abs(wanted[:, 1] - wanted[:, 0]) > 0.1
            assert (said.argmax(1) == wanted.argmax(1))[clear].mean() >= 0.97
        else:
            numbers = said[:, 0] * 2.0**-artefact.logit_fraction
            assert np.corrcoef(numbers, wanted[:, 0])[0, 1] > 0.98
    assert model.state_hash() == before


@pytest.mark.slow
def test_encoded_rows_are_what_the_networks_read():
    model, _, _ = learnt(Classifier)
    X = [{"a": 0.5, "b": -0.25, "c": "x"}, {"a": None, "b": 1e9, "c": "new"}, {}]
    before = model.state_hash()
    rows, ids = model.encoded(X)
    assert model.state_hash() == before and rows.dtype == np.float32 and ids.dtype == np.int32
    export = NetworkExport(model.snapshot(), "net-known")
    place, score = model._pool.networks[0].place, said_by(export, rows, ids)
    p = np.exp(score) / np.exp(score).sum(1, keepdims=True)
    for x, wanted in zip(X, p, strict=True):
        model.look([x])
        slot = model._pool.pending.take(1)  # the very slot that looked last
        assert np.abs(model._pool.pending.a["p"][slot[0], place] - wanted).max() < 1e-4
        model._pool.pending.give_back(slot)
    assert model.encoded([])[0].shape == (0, rows.shape[1]) and Classifier().encoded(X)[0].shape == (3, 0)


@pytest.mark.slow
def test_networks_that_learnt_electricity(recorded):
    rows = pq.read_table(recorded("electricity")).slice(0, 5500).to_pylist()
    y = [row.pop("y") for row in rows]
    model = Classifier()
    model.learn_many(rows[:4000], y[:4000])
    found = []
    for row, label in zip(rows[4000:], y[4000:], strict=True):
        found.append(model.encoded([row]))
        model.learn_one(row, label)
    encoded, ids = map(np.concatenate, zip(*found, strict=True))
    snapshot = model.snapshot()
    for name in [f["name"] for f in snapshot.functions()]:
        export = NetworkExport(snapshot, name)
        artefact = export.artefact(encoded[:1000], ids[:1000])
        said = Device(artefact).predict(export.raw(encoded, ids))[1000:].argmax(1)
        agree = (said == said_by(export, encoded, ids)[1000:].argmax(1)).mean()
        print(
            f"{name:20} {artefact.modules[0].after.knots.shape[1]:3} knots  {export.deviation:.4f}  {agree:.3f}"
        )
        assert agree >= 0.97


def test_the_edge_needs_no_torch():
    code = "import sys, streamnn.edge, streamnn.edge.network_export; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
