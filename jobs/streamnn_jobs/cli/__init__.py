"""The command line. BLAS works in one thread, unless the environment says otherwise.

Matrices here are a few dozen wide. Threads of BLAS bring nothing on them, double the CPU time of a slope
certificate, and take cores that other partitions need.
"""

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before anything imports numpy
    os.environ.setdefault(_name, "1")
