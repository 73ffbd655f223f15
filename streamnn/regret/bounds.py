"""How large regret can be at most, whatever the sequence: to be drawn beside what was measured.

Losses are in nats with scale 1. For another loss the scale is c, where exp(-loss / c) is concave in the
prediction (or the loss mixable at 1 / c): c = 8 B**2 for the squared loss of predictions and targets in
[-B, B]. Where experts start with different weights, one over the least of them stands for their number N.
"""

from __future__ import annotations

import math

from ..errors import SpecError


def fixed_share_bound(n: int, experts: float, share: float, switches: int = 0, scale: float = 1.0) -> float:
    """Largest regret of fixed share over n events to the best sequence of experts with a number of switches.

    After each event every weight gives up the part `share`, which all experts get alike; an expert keeps
    ``1 - share + share / N`` and hands on ``share / N``:

        ln N + switches * ln(N / share) - (n - 1 - switches) * ln(1 - share + share / N)

    Parameters
    ----------
    n : int
        Events.
    experts : float
    share : float
        From 0 (then no switches) to 1.
    switches : int
        At most n - 1 count.
    scale : float
        See the module.

    Examples
    --------
    >>> round(fixed_share_bound(10_000, 20, 0.0005), 2), round(fixed_share_bound(10_000, 20, 0.0005, 5), 2)
    (7.75, 60.73)
    """
    if n < 1 or experts < 1 or not 0.0 <= share <= 1.0 or switches < 0:
        raise SpecError(
            f"bound: {n} events, {experts} experts, share {share}, {switches} switches make no sense"
        )
    m = min(switches, n - 1)
    if m and not share:
        return math.inf
    stay = 1.0 - share + share / experts
    total = math.log(experts) - (n - 1 - m) * math.log(stay)
    if m:
        total += m * math.log(experts / share)
    return scale * total


def interval_bound(length: int, experts: float, share: float, scale: float = 1.0) -> float:
    """Largest regret of fixed share on any interval of `length` events to the expert that is best there.

    When the interval begins, no weight is under share / N.

    Examples
    --------
    >>> round(interval_bound(1000, 20, 0.0005), 2)
    11.07
    """
    if not share:
        return math.inf
    return fixed_share_bound(length, experts, share, scale=scale) + scale * math.log(1.0 / share)
