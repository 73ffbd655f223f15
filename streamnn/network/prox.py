"""The exact proximal step of TV(2): every unit's spline gives up the knots that it can do without.

With values c at knots T apart, TV(2) is the sum of |c[k-1] - 2 c[k] + c[k+1]| / T, so the step is trend filtering of
length `knots`: minimise |x - c|^2 / 2 + l |D x|_1. Its dual is a box-constrained least-squares problem whose matrix
D D' has five diagonals; an active-set method solves it in finitely many steps, each one banded factorisation.
"""

from __future__ import annotations

from .._kernels.jit import leaf

_JOINT_ROUNDS = 8
"""Rounds in which all knots change sides at once; where that does not end, knots change sides one by one."""
FIRM = 4.0
"""A pruned knot comes back only when what bends it is this many times stronger than what killed it."""


@leaf
def _free(b, lam, side, v, f, work):
    # Minimiser over coordinates whose side is 0, the others at their bound: v solves D D' v = b there. L D L' on two
    # subdiagonals; leaving out rows and columns of a banded matrix widens no band.
    m = 0
    for k in range(len(b)):
        v[k] = side[k] * lam[k]
        if side[k] == 0:
            f[m] = k
            m += 1
    d, l1, l2, y = work[0], work[1], work[2], work[3]
    for i in range(m):
        k = f[i]
        r = b[k]
        for q in (-2, -1, 1, 2):
            if 0 <= k + q < len(b) and side[k + q] != 0:
                r -= (1.0 if q == 2 or q == -2 else -4.0) * v[k + q]
        d[i], l1[i], l2[i] = 6.0, 0.0, 0.0
        if i > 1 and k - f[i - 2] == 2:
            l2[i] = 1.0 / d[i - 2]
        if i > 0:
            gap = k - f[i - 1]
            e = -4.0 if gap == 1 else 1.0 if gap == 2 else 0.0
            if i > 1:
                e -= l2[i] * d[i - 2] * l1[i - 1]
            l1[i] = e / d[i - 1]
            d[i] -= l1[i] * e
            r -= l1[i] * y[i - 1]
        if i > 1:
            d[i] -= l2[i] * l2[i] * d[i - 2]
            r -= l2[i] * y[i - 2]
        y[i] = r
    for i in range(m - 1, -1, -1):
        x = y[i] / d[i]
        if i + 1 < m:
            x -= l1[i + 1] * v[f[i + 1]]
        if i + 2 < m:
            x -= l2[i + 2] * v[f[i + 2]]
        v[f[i]] = x


@leaf
def _kink(b, v, k):
    # the k-th second difference of the primal point that belongs to v
    r = b[k] - 6.0 * v[k]
    for q in (-2, -1, 1, 2):
        if 0 <= k + q < len(b):
            r -= (1.0 if q == 2 or q == -2 else -4.0) * v[k + q]
    return r


@leaf
def box(b, lam, side, u, work, f):
    """Minimise |c - D'u|^2 / 2 within |u[k]| <= lam[k], where b = D c.

    Parameters
    ----------
    b, lam : ndarray of float64, shape (n,)
    side : ndarray of int8, shape (n,)
        At which bound each coordinate is (-1, 1) or 0: a guess on the way in, the solution's on the way out.
    u : ndarray of float64, shape (n,)
        The solution.
    work : ndarray of float64, shape (5, n)
    f : ndarray of int64, shape (n,)

    Returns
    -------
    int
        Systems solved, or -1 if it did not end (never seen).
    """
    n, v = len(b), work[4]
    tiny = 0.0
    for k in range(n):
        tiny = max(tiny, abs(b[k]))
    tiny *= 1e-12
    for turn in range(_JOINT_ROUNDS):
        _free(b, lam, side, u, f, work)
        changed = False
        for k in range(n):
            if side[k] == 0:
                if u[k] > lam[k] or u[k] < -lam[k]:
                    side[k], changed = 1 if u[k] > 0.0 else -1, True
                    f[k] = 1  # has just changed
                else:
                    f[k] = 0
            else:
                f[k] = 0
        for k in range(n):
            if side[k] != 0 and f[k] == 0 and _kink(b, u, k) * side[k] < -tiny:
                f[k] = 2
        for k in range(n):
            if f[k] == 2:
                side[k], changed = 0, True
        if not changed:
            return turn + 1
    for k in range(n):
        u[k] = side[k] * lam[k]
    for turn in range(40 * n):
        _free(b, lam, side, v, f, work)
        t, hit = 1.0, -1
        for k in range(n):
            if side[k] == 0 and (v[k] > lam[k] or v[k] < -lam[k]):
                r = ((lam[k] if v[k] > 0.0 else -lam[k]) - u[k]) / (v[k] - u[k])
                if r < t or hit < 0:
                    t, hit = min(max(r, 0.0), 1.0), k
        for k in range(n):
            if side[k] == 0:
                u[k] += t * (v[k] - u[k])
        if hit >= 0:
            side[hit] = 1 if v[hit] > 0.0 else -1
            u[hit] = side[hit] * lam[hit]
            continue
        worst, which = tiny, -1
        for k in range(n):
            if side[k] != 0 and -_kink(b, u, k) * side[k] > worst:
                worst, which = -_kink(b, u, k) * side[k], k
        if which < 0:
            return _JOINT_ROUNDS + turn + 1
        side[which] = 0
    return -1
