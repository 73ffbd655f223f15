"""torch is optional: nothing but streamnn.nn imports it, and that says how to get it."""

from __future__ import annotations

import subprocess
import sys

_CORE = """
import sys
import streamnn.learners, streamnn.network
print("torch" in sys.modules)
"""

_WITHOUT = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from streamnn.errors import MissingPackage
for name in ("streamnn.nn", "streamnn.nn.spline_network"):
    try:
        __import__(name)
    except MissingPackage as e:
        print(e)
"""


def output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_core_does_not_import_torch():
    assert output(_CORE) == "False\n"


def test_without_torch_the_install_line_is_named():
    lines = output(_WITHOUT).splitlines()
    assert len(lines) == 2
    assert all("pip install 'streamnn[torch]'" in line for line in lines)
