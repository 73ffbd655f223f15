"""The peers of accuracy.py: how each is made. Their packages are imported only where a peer is run (.peers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

SEED = 1


class Learner(Protocol):
    """What a peer does: predict event t (probabilities, or a number), learn its label."""

    def predict(self, t: int) -> Any: ...

    def learn(self, t: int, y: Any) -> None: ...


@dataclass(frozen=True)
class Rows:
    """What a peer is fed.

    Parameters
    ----------
    x : ndarray of float64, shape (n, d)
    codes : ndarray of int64, shape (n, k)
        Columns that are names, as whole numbers from 0; those of ``x`` are without them where a peer takes names.
    names, code_names : list of str
    classes : int
        0 for regression.
    """

    x: np.ndarray
    codes: np.ndarray
    names: list[str]
    code_names: list[str]
    classes: int


@dataclass(frozen=True)
class Peer:
    """A peer.

    Parameters
    ----------
    package : str
        Distribution that it comes from.
    make : callable
        From rows to a learner.
    kinds : str
        Of streams: cls, reg or both.
    standardised : bool
        It gets rows less their running mean over their running deviation, not raw ones.
    named : bool
        It takes columns that are names as names, not as numbers.
    scaled : bool
        Regression: it learns the target in units of its running mean and deviation.
    splits : bool
        It splits single columns: our features come as ``_peers_features.fed`` makes them for trees.
    fixed_step : bool
        It has a step that is the same whatever the number of columns. Where our features make these more, rows are
        made shorter in regression, which is the same as a smaller step: squared loss diverges above a certain one.
    """

    package: str
    make: Callable[[Rows], Learner]
    kinds: str = "cls reg"
    standardised: bool = False
    named: bool = False
    scaled: bool = False
    splits: bool = False
    fixed_step: bool = False


class _River:
    """A river model: dicts, one at a time."""

    def __init__(self, rows: Rows, model: Any):
        self.rows, self.model = rows, model
        self.regress = not rows.classes
        self.columns = [f"{c}=" for c in rows.code_names]

    def row(self, t: int) -> dict[str, float]:
        r = self.rows
        out = dict(zip(r.names, r.x[t].tolist(), strict=True))
        out |= {f"{c}{v}": 1.0 for c, v in zip(self.columns, r.codes[t].tolist(), strict=True)}
        return out

    def predict(self, t: int) -> Any:
        if self.regress:
            return self.model.predict_one(self.row(t))
        found = self.model.predict_proba_one(self.row(t)) or {}
        p = np.zeros(self.rows.classes)
        for k, v in found.items():
            if not isinstance(k, str):  # deep-river has a name for outputs without a class yet
                p[int(k)] = v
        return p

    def learn(self, t: int, y: Any) -> None:
        self.model.learn_one(self.row(t), y)


def _river(module: str, classifier: str, regressor: str, **options: Any) -> Callable[[Rows], Learner]:
    def make(rows: Rows) -> Learner:
        import importlib

        home = importlib.import_module(f"river.{module}")
        name = classifier if rows.classes else regressor
        if module == "linear_model" and rows.classes > 2:
            name = "SoftmaxRegression"
        return _River(rows, getattr(home, name)(**options))

    return make


def _deep_river(rows: Rows) -> Learner:
    import torch
    from deep_river.classification import Classifier
    from deep_river.regression import Regressor

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    nn = torch.nn
    layers = [nn.Linear(rows.x.shape[1], 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(32, max(rows.classes, 1)))
    kind, loss = (Classifier, "cross_entropy") if rows.classes else (Regressor, "mse")
    model: Any = kind(module=net, loss_fn=loss, optimizer_fn="adam", lr=0.001, seed=SEED)
    return _River(rows, model)


class _Moa:
    """A learner of MOA through CapyMOA."""

    def __init__(self, rows: Rows, make: Callable[[Any], Any]):
        from capymoa.core import Instance, LabeledInstance, RegressionInstance
        from capymoa.stream import Schema

        self.rows, self.regress = rows, not rows.classes
        self.x = np.ascontiguousarray(np.hstack([rows.x, rows.codes]), np.float64)
        values = {
            c: [str(v) for v in range(int(rows.codes[:, i].max()) + 1)] for i, c in enumerate(rows.code_names)
        }
        if rows.classes:
            values["class"] = [str(c) for c in range(rows.classes)]
        features = [*rows.names, *rows.code_names, "class"]
        self.schema = Schema.from_custom(features=features, target="class", categories=values)
        self.model = make(self.schema)
        self.instance = Instance
        self.labelled = LabeledInstance if rows.classes else RegressionInstance

    def predict(self, t: int) -> Any:
        at = self.instance.from_array(self.schema, self.x[t])
        if self.regress:
            return self.model.predict(at)
        votes, p = self.model.predict_proba(at), np.zeros(self.rows.classes)
        if votes is not None:
            k = min(len(votes), len(p))
            p[:k] = votes[:k]
        return p

    def learn(self, t: int, y: Any) -> None:
        self.model.train(self.labelled.from_array(self.schema, self.x[t], y))


def _moa(classifier: str, regressor: str = "", **options: Any) -> Callable[[Rows], Learner]:
    def make(rows: Rows) -> Learner:
        import capymoa.classifier
        import capymoa.regressor

        kind: Any
        if rows.classes:
            kind = getattr(capymoa.classifier, classifier)
        else:
            kind = getattr(capymoa.regressor, regressor)
        return _Moa(rows, lambda schema: kind(schema=schema, **options))

    return make


class _Vw:
    """Vowpal Wabbit, a line of text at a time."""

    def __init__(self, rows: Rows, options: str):
        from vowpalwabbit import pyvw

        self.rows = rows
        how = ""
        if rows.classes == 2:
            how = "--loss_function logistic --link logistic"
        elif rows.classes:
            how = f"--oaa {rows.classes} --loss_function logistic --probabilities"
        seed = f"--random_seed {SEED}"
        self.model = pyvw.Workspace(f"{options} {how} {seed} -b 22 --quiet")

    def line(self, t: int) -> str:
        r = self.rows
        parts = ["|n", *[f"{i}:{v:.6g}" for i, v in enumerate(r.x[t].tolist()) if v]]
        if r.code_names:
            parts += ["|c", *[f"{i}={v}" for i, v in enumerate(r.codes[t].tolist())]]
        return " ".join(parts)

    def predict(self, t: int) -> Any:
        p = self.model.predict(self.line(t))
        if self.rows.classes == 2:
            return np.array([1.0 - p, p])
        return np.array(p) if self.rows.classes else p

    def learn(self, t: int, y: Any) -> None:
        if self.rows.classes == 2:
            y = 2 * y - 1
        elif self.rows.classes:
            y = y + 1
        self.model.learn(f"{y} {self.line(t)}")


def _vw(options: str) -> Callable[[Rows], Learner]:
    return lambda rows: _Vw(rows, options)


_TREES = {"seed": SEED}
_FOREST = {"n_models": 10, "seed": SEED}
_ARF = ("AdaptiveRandomForestClassifier", "AdaptiveRandomForestRegressor")
PEERS: Mapping[str, Peer] = {
    "river-linear": Peer(
        "river",
        _river("linear_model", "LogisticRegression", "LinearRegression"),
        standardised=True,
        named=True,
        scaled=True,
        fixed_step=True,
    ),
    "vw-linear": Peer("vowpalwabbit", _vw(""), standardised=True, named=True, scaled=True),
    "vw-pairs": Peer("vowpalwabbit", _vw("-q ::"), standardised=True, named=True, scaled=True),
    "vw-nn32": Peer("vowpalwabbit", _vw("--nn 32"), standardised=True, named=True, scaled=True),
    "moa-hat": Peer("capymoa", _moa("HoeffdingAdaptiveTree"), kinds="cls", splits=True),
    "moa-fimtdd": Peer("capymoa", _moa("", "FIMTDD"), kinds="reg", splits=True),
    "moa-arf10": Peer("capymoa", _moa(*_ARF, ensemble_size=10), splits=True),
    "moa-knn": Peer("capymoa", _moa("KNN", "KNNRegressor")),
    "moa-samknn": Peer("capymoa", _moa("SAMkNN"), kinds="cls", standardised=True),
    "moa-srp10": Peer("capymoa", _moa("StreamingRandomPatches", ensemble_size=10), kinds="cls", splits=True),
    "moa-lb10": Peer("capymoa", _moa("LeveragingBagging", ensemble_size=10), kinds="cls", splits=True),
    "moa-sgbr": Peer("capymoa", _moa("", "StreamingGradientBoostedRegression"), kinds="reg", splits=True),
    "moa-soknl10": Peer("capymoa", _moa("", "SOKNL", ensemble_size=10), kinds="reg", splits=True),
    "moa-arf30": Peer("capymoa", _moa(*_ARF, ensemble_size=30), splits=True),
    "river-ht": Peer(
        "river", _river("tree", "HoeffdingTreeClassifier", "HoeffdingTreeRegressor"), splits=True
    ),
    "river-hat": Peer(
        "river",
        _river("tree", "HoeffdingAdaptiveTreeClassifier", "HoeffdingAdaptiveTreeRegressor", **_TREES),
        splits=True,
    ),
    "river-knn": Peer("river", _river("neighbors", "KNNClassifier", "KNNRegressor"), standardised=True),
    "river-arf10": Peer("river", _river("forest", "ARFClassifier", "ARFRegressor", **_FOREST), splits=True),
    "river-amf": Peer(
        "river", _river("forest", "AMFClassifier", "AMFRegressor", seed=SEED), standardised=True
    ),
    "deep-river": Peer("deep-river", _deep_river, standardised=True, scaled=True),
}
"""In the order in which a queue runs them: the cheap ones first."""
