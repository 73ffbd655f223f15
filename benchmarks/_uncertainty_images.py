"""Images for the benchmarks of uncertainty: recorded sets, and characters drawn with fonts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from _data import folder

FONTS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/truetype/liberation")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which are digits in many fonts


def images(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in 0..1 (float32), classes, and which belong to the test part; no rows where the file is missing."""
    path = folder() / f"{name}.parquet"
    if not path.is_file():
        print(f"not there: {name}", file=sys.stderr)
        return np.zeros((0, 784), np.float32), np.zeros(0, np.int64), np.zeros(0, bool)
    table = pq.read_table(path)
    x = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8).reshape(len(table), -1)
    test = table["split"].to_numpy() == 1 if "split" in table.column_names else np.zeros(len(table), bool)
    return x.astype(np.float32) / 255, table["y"].to_numpy().astype(np.int64), test


def rotated(x: np.ndarray) -> np.ndarray:
    """By a right angle."""
    side = int(np.sqrt(x.shape[1]))
    return np.rot90(x.reshape(-1, side, side), axes=(1, 2)).reshape(len(x), -1)


def blended(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image half over another of another class."""
    other = rng.permutation(len(x))
    for _ in range(50):
        same = np.flatnonzero(y == y[other])
        if not len(same):
            break
        other[same] = rng.integers(0, len(x), len(same))
    return ((x + x[other]) / 2).astype(np.float32)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Scikit-learn's 1,797 handwritten digits, 8 x 8, in 0..1."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16).astype(np.float32), found.target.astype(np.int64)


def fonts() -> list[str]:
    """Files of upright fonts that are installed."""
    files = [p for f in FONTS if Path(f).is_dir() for p in sorted(Path(f).glob("*.ttf"))]
    return [str(p) for p in files if not any(s in p.name for s in ("Italic", "Oblique", "Math"))]


def drawn(symbols: str, n: int, rng: np.random.Generator, side: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """`n` of these symbols, each in a font, size and place of its own: rows in 0..1, and which symbol."""
    from PIL import Image, ImageDraw, ImageFont

    files = fonts()
    big = 4 * side
    faces = [ImageFont.truetype(f, size) for f in files for size in (big - 8, big - 5, big - 2)]
    which = rng.integers(0, len(symbols), n)
    out = np.zeros((n, side * side), np.float32)
    for i in range(n):
        face = faces[rng.integers(len(faces))]
        picture = Image.new("L", (big, big))
        left, top, right, bottom = face.getbbox(symbols[which[i]])
        dx, dy = rng.integers(-2, 3, 2)
        place = ((big - right - left) / 2 + dx, (big - bottom - top) / 2 + dy)
        ImageDraw.Draw(picture).text(place, symbols[which[i]], fill=255, font=face)
        small = np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float32) / 255
        out[i] = small.ravel()
    noisy = out + rng.normal(0, 0.05, out.shape)
    return np.clip(noisy, 0, 1).astype(np.float32), which
