"""The machine invariant: the same bits whatever CPU the kernels are compiled for and whatever libm and BLAS do."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_helpers import printed

from streamnn.checks import MACHINES

_RUN = """
import sys
sys.path.insert(0, {folder!r})
from test_invariants import Log
from streamnn.learners import Classifier, Regressor
for make in (Classifier, Regressor):
    log = Log(400, make is Regressor, 2, 20)
    model = make(coverage=0.9, p_values=True)
    log.run(model, 0, len(log))
    print(model.state_hash())
import numpy as np
from streamnn.checks import digest
from streamnn.types import LEARN, OBSERVE
from streamnn.uncertainty import LatentDensity
z = np.random.default_rng(0).standard_normal((500, 20)).astype(np.float32)
for kind in ("tied", "full"):
    density = LatentDensity(20, 3, 50, covariance=kind, normalise=True)
    density.scan(np.tile(np.int8([OBSERVE, LEARN]), 250), np.arange(500) % 3, z)
    print(digest(density))
from streamnn.network import Network, NetworkSpec
net = Network(NetworkSpec("n", (32, 16), information=0.5), 20, 3, True, 1)
op, slot, one = np.tile(np.int8([OBSERVE, LEARN]), 250), np.arange(250).repeat(2), np.ones(500, np.float32)
p, ids = np.zeros((250, 1, 3), np.float32), np.full((250, 1), -1, np.int32)
net.scan(op, slot, (slot % 3).astype(np.float32), one, 0, z, ids, p)
print(digest(net))
"""


def hashes(**env: str) -> list[str]:
    return printed(_RUN.format(folder=str(Path(__file__).parent)), **env)


@pytest.fixture(scope="module")
def native() -> list[str]:
    found = hashes()
    assert len(found) == 5
    return found


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_same_bits_on_another_machine(machine, native):
    assert hashes(**MACHINES[machine]) == native


_LIBRARIES = """
import math, random
import numpy as np
r = random.Random(0)
x = [r.uniform(-20, 20) for _ in range(200000)]
a = np.array(x)
print(hash(tuple(map(math.exp, x))), hash(tuple(math.log(abs(v)) for v in x)), hash(float(a @ a)))
"""


@pytest.mark.slow
def test_the_masks_do_change_libm_and_blas():
    # else the tests above could not fail
    if "fma" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("needs a CPU with fused multiply-add to mask it")
    plain, masked = printed(_LIBRARIES), printed(_LIBRARIES, **MACHINES["libm and BLAS without FMA"])
    assert all(a != b for a, b in zip(plain, masked, strict=True))
