"""What a program prints on another machine: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def printed(code: str, **env: str) -> list[str]:
    """The words that a Python program prints with these environment variables; see `streamnn.checks.MACHINES`."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
