"""Properties that every scan must have, for ours and for anyone's own.

A *scan* is anything with ``state_dict`` and ``load_state_dict``: a stage, a density, a monitor, a learner.
You say how to make one and how to run it over positions ``a`` to ``b`` of a log; the checks prove that neither
cuts nor stops nor looks leave a trace.

Examples
--------
>>> import numpy as np
>>> from streamnn.uncertainty import LatentDensity
>>> z = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)
>>> op, y = np.tile(np.int8([0, 1]), 150), np.zeros(300, np.int64)
>>> check_scan(lambda: LatentDensity(4, 2), lambda s, a, b: s.scan(op[a:b], y[a:b], z[a:b]), 300)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..state import from_bytes, state_hash, to_bytes

CUTS = (1, 7, 4096)
MACHINES = {
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""},
    "generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    "libm and BLAS without FMA": {
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
}
"""The machine invariant: a process started with any of these environments prints the same :func:`digest`."""

Make = Callable[[], Any]
Run = Callable[[Any, int, int], Any]


def snapshot(scan: Any) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """State of a scan as arrays and JSON, whether it gives both or arrays alone."""
    state = scan.state_dict()
    return state if isinstance(state, tuple) else (state, None)


def digest(scan: Any) -> str:
    """Hash of a scan's state."""
    return state_hash(*snapshot(scan))


def restored(make: Make, scan: Any) -> Any:
    """A new scan with the state of `scan`, by way of the bytes of a checkpoint."""
    arrays, meta = snapshot(scan)
    arrays, manifest = from_bytes(to_bytes(arrays, {"meta": meta}))
    new = make()
    if meta is None:
        new.load_state_dict(arrays)
    else:
        new.load_state_dict(arrays, manifest["meta"])
    return new


def check_chunks(make: Make, run: Run, n: int, cuts: Iterable[int] = CUTS) -> None:
    """Cutting the log differently gives the same outputs and the same state, to the bit."""
    whole = make()
    want = _flat([run(whole, 0, n)])
    for size in cuts:
        scan = make()
        got = _flat([run(scan, a, min(a + size, n)) for a in range(0, n, size)])
        _same(want, got, f"outputs with chunks of {size}")
        _require(
            digest(scan) == digest(whole),
            f"the state with chunks of {size} differs: {_first_difference(scan, whole)}",
        )


def check_resume(make: Make, run: Run, n: int, stops: Iterable[int] | None = None) -> None:
    """Stopping anywhere and going on from the saved bytes gives the same outputs and state."""
    whole = make()
    want = _flat([run(whole, 0, n)])
    for stop in (0, 1, n // 3, n // 2, n - 1) if stops is None else stops:
        scan = make()
        first = run(scan, 0, stop) if stop else None
        scan = restored(make, scan)
        rest = run(scan, stop, n)
        _same(want, _flat([rest] if first is None else [first, rest]), f"outputs when stopped at {stop}")
        _require(
            digest(scan) == digest(whole),
            f"the state when stopped at {stop} differs: {_first_difference(scan, whole)}",
        )


def check_read(make: Make, run: Run, n: int, look: Callable[[Any], Any]) -> None:
    """Looking changes neither the state nor anything later."""
    plain, watched = make(), make()
    for a in range(0, n, max(1, n // 10)):
        b = min(a + max(1, n // 10), n)
        want = _flat([run(plain, a, b)])
        before = digest(watched)
        first = _flat([look(watched)])
        _same(first, _flat([look(watched)]), "a second look")
        _require(digest(watched) == before, "a look changed the state")
        _same(want, _flat([run(watched, a, b)]), "outputs after a look")


def check_scan(make: Make, run: Run, n: int, look: Callable[[Any], Any] | None = None) -> None:
    """All invariants that one process can show: chunk, resume and, with `look`, read.

    Parameters
    ----------
    make : callable
        Makes a new scan, always the same.
    run : callable
        ``run(scan, a, b)`` runs it over positions a to b of a log and returns arrays (nested in any way).
    n : int
        Length of the log.
    look : callable, optional
        ``look(scan)`` reads predictions.

    Raises
    ------
    AssertionError
        Says which invariant fails and where.
    """
    check_chunks(make, run, n)
    check_resume(make, run, n)
    if look is not None:
        check_read(make, run, n, look)


def _require(ok: bool, what: str) -> None:
    if not ok:
        raise AssertionError(what)


def _flat(outputs: list[Any]) -> list[np.ndarray]:
    """Arrays of outputs, each joined over the chunks."""
    parts = [_arrays(o) for o in outputs]
    widest = max((len(p) for p in parts), default=0)
    joined = []
    for i in range(widest):
        pieces = [p[i] for p in parts if len(p) > i and p[i].size]
        joined.append(np.concatenate([_bits(v) for v in pieces]) if pieces else np.zeros(0, np.uint8))
    return joined


def _bits(v: np.ndarray) -> np.ndarray:
    return np.frombuffer(
        np.ascontiguousarray(v).tobytes() if v.dtype != object else repr(v.tolist())[1:-1].encode() + b",",
        np.uint8,
    )


def _arrays(o: Any) -> list[np.ndarray]:
    if isinstance(o, np.ndarray):
        return [o]
    if isinstance(o, dict):
        return [a for k in sorted(o) for a in _arrays(o[k])]
    if isinstance(o, tuple):
        return [a for v in o for a in _arrays(v)]
    if isinstance(o, list):
        return [np.array([repr(v) for v in o] + [""], object)[:-1]]
    return [np.array([repr(o)], object)] if o is not None else [np.zeros(0)]


def _same(want: list[np.ndarray], got: list[np.ndarray], what: str) -> None:
    _require(len(want) == len(got), f"{what}: {len(got)} arrays instead of {len(want)}")
    for i, (a, b) in enumerate(zip(want, got, strict=True)):
        _require(np.array_equal(a, b), f"{what}: array {i} differs")


def _first_difference(a: Any, b: Any) -> str:
    (x, xm), (y, ym) = snapshot(a), snapshot(b)
    for k in sorted(set(x) | set(y)):
        if k not in x or k not in y or x[k].shape != y[k].shape or x[k].tobytes() != y[k].tobytes():
            return f"leaf {k!r}"
    return "meta" if xm != ym else "nothing"
