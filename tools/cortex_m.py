"""Run an artefact's C on Cortex-M0, M3 and M4 in an emulator: the same integers, bytes, and instructions an event.

    python tools/cortex_m.py edge/ --events 10000

Needs `apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm`. A program without an operating system
reads events from the host by semihosting and writes back what the model says; the host compares with
:class:`streamnn.edge.Device`. Instructions are those of ``model_step``, by SysTick while every instruction takes one
nanosecond (``-icount shift=0``).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamnn.edge import Artefact, Device
from streamnn.edge.c import emit_c
from streamnn.types import LEARN, OBSERVE

FLAGS = "-std=c99 -Wall -Wextra -Werror -pedantic -Wconversion -ffreestanding".split()
RING = 16
"""Events that a device keeps until their labels come."""


@dataclass(frozen=True, slots=True)
class Core:
    """A core, the emulated board that has it, and the clock of its SysTick in Hz."""

    cpu: str
    machine: str
    clock: float


CORES = {
    "M0": Core("cortex-m0", "microbit", 16e6),
    "M3": Core("cortex-m3", "mps2-an385", 25e6),
    "M4": Core("cortex-m4", "mps2-an386", 25e6),
}

SCRIPT = """MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 256K  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 16K }
ENTRY(reset)
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > FLASH
  .data : { *(.data*) } > RAM AT > FLASH
  .bss : { *(.bss*) *(COMMON) } > RAM
  /DISCARD/ : { *(.ARM.exidx*) }
}
"""

MAIN = """#include "model.h"
#ifdef MODEL_LOADS
#include "tables.h"
#endif
#define REG(a) (*(volatile uint32_t *)(a))
#define WORDS (2 * MODEL_OUTPUTS + 3)
static int semi(int op, const void *arg) {
  register int r0 __asm__("r0") = op;
  register const void *r1 __asm__("r1") = arg;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
static int opened(const char *name, int mode, int length) {
  const int arg[3] = {(int)name, mode, length};
  return semi(1, arg);
}
void reset(void) {
  static model_state s;
  static model_event events[RING];
  static int32_t in[3 + MODEL_SENSORS], out[WORDS], ticks[2];
  const int from = opened("in.bin", 1, 6), to = opened("out.bin", 5, 7);
  const int read[3] = {from, (int)in, sizeof in}, write[3] = {to, (int)out, sizeof out};
  const int last[3] = {to, (int)ticks, sizeof ticks};
  REG(0xE000E014) = 0xffffff;
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 5;
#ifdef MODEL_LOADS
  if (model_load(tables, sizeof tables)) semi(0x18, (void *)0x20023);
#endif
  model_reset(&s);
  while (semi(6, read) == 0) {
    model_event *const e = events + in[1];
    const uint32_t a = REG(0xE000E018);
    if (in[0]) {
#ifdef MODEL_LABELS
      model_learn(&s, e, in[2]);
      ticks[1] += (int32_t)((a - REG(0xE000E018)) & 0xffffff);
#endif
      continue;
    }
    out[0] = model_step(&s, in + 3, e);
    ticks[0] += (int32_t)((a - REG(0xE000E018)) & 0xffffff);
    for (int c = 0; c < MODEL_OUTPUTS; c++) out[1 + c] = e->logit[c];
#ifdef MODEL_PROBABILITIES
    for (int c = 0; c < MODEL_OUTPUTS; c++) out[1 + MODEL_OUTPUTS + c] = e->p[c];
#endif
    semi(5, write);
  }
  semi(5, last);
  semi(0x18, (void *)0x20026);
  for (;;) {
  }
}
void *const vectors[16] __attribute__((section(".vectors"))) = {(void *)0x20004000, (void *)reset};
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One core and optimisation.

    Parameters
    ----------
    core, optimisation : str
    events, differ : int
    step, learn : float
        Instructions an event.
    code, tables, bss, stack : int
        Bytes of the model.
    state : int
        Bytes that outlive an event.
    undefined : str
        Symbols that the model takes from elsewhere.
    """

    core: str
    optimisation: str
    events: int
    differ: int
    step: float
    learn: float
    code: int
    tables: int
    bss: int
    stack: int
    state: int
    undefined: str


def missing() -> str:
    """What to install, empty if everything is there."""
    need = {"arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"}
    packages = [p for tool, p in need.items() if shutil.which(tool) is None]
    return f"apt-get install {' '.join(packages)}" if packages else ""


def run_on(
    artefact: Artefact,
    op: np.ndarray,
    slot: np.ndarray,
    raw: np.ndarray,
    label: np.ndarray,
    core: str = "M0",
    optimisation: str = "-Os",
    tables: str = "source",
) -> Run:
    """Run events on a core and compare each answer with the device in Python.

    Parameters
    ----------
    artefact : Artefact
    op, slot, raw, label
        As :meth:`streamnn.edge.Device.run` takes them; labels at most `RING` events late.
    core : str
        Of CORES.
    optimisation : str
    tables : {"source", "bin"}

    Returns
    -------
    Run
    """
    board = CORES[core]
    files = emit_c(artefact, tables=tables)  # type: ignore[arg-type]
    if tables == "bin":
        data = ", ".join(map(str, files["tables.bin"]))
        files["tables.h"] = f"static const uint8_t tables[] = {{{data}}};\n".encode()
    files |= {"main.c": MAIN.replace("RING", str(RING)).encode(), "board.ld": SCRIPT.encode()}
    records = np.zeros((len(op), 3 + raw.shape[1]), "<i4")
    records[:, 0], records[:, 1], records[:, 2] = op == LEARN, slot % RING, label
    records[:, 3:] = raw[slot]
    files["in.bin"] = records[(op == LEARN) | (op == OBSERVE)].tobytes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        cpu = [f"-mcpu={board.cpu}", "-mthumb", optimisation]
        _call(["arm-none-eabi-gcc", *cpu, *FLAGS, "-fstack-usage", "-c", "model.c", "-o", "model.o"], folder)
        _call(
            ["arm-none-eabi-gcc", *cpu, "-ffreestanding", "-nostdlib", "-nostartfiles", "-T", "board.ld", "main.c",
             "model.o", "-o", "all.elf", "-lgcc"], folder,
        )  # fmt: skip
        _call(
            ["qemu-system-arm", "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none",
             "-semihosting", "-icount", "shift=0", "-kernel", "all.elf"], folder,
        )  # fmt: skip
        said = np.frombuffer((folder / "out.bin").read_bytes(), "<i4")
        sections = _sections(_call(["arm-none-eabi-size", "-A", "model.o"], folder))
        undefined = _call(["arm-none-eabi-nm", "-u", "model.o"], folder).split()[1::2]
        frames = [int(line.split("\t")[1]) for line in (folder / "model.su").read_text().splitlines()]
        whole = _sections(_call(["arm-none-eabi-nm", "-S", "all.elf"], folder), 3, 1, 16)
    ticks, said = said[-2:], said[:-2].reshape(-1, 2 * artefact.outputs + 3)
    order = slot[op == OBSERVE]
    logits, p = Device(artefact).run(op, slot, raw, label)
    wanted = logits[order] if artefact.learning == "off" else np.hstack([logits, p])[order]
    found = said[:, 1 : 1 + wanted.shape[1]]
    short = abs(len(order) - len(found))
    differ = short + int((found[: len(order)] != wanted[: len(found)]).any(1).sum())
    each = 1e9 / board.clock / max(len(order), 1)
    return Run(
        core, optimisation, len(order), differ, float(ticks[0] * each), float(ticks[1] * each),
        sum(v for k, v in sections.items() if k.startswith(".text")),
        sum(v for k, v in sections.items() if k.startswith(".rodata")), sections.get(".bss", 0),
        sum(sorted(frames)[-2:]), whole.get("s.0", whole.get("s", 0)), " ".join(undefined),
    )  # fmt: skip


def _call(command: Sequence[str], folder: Path) -> str:
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if found.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{found.stdout}{found.stderr}")
    return found.stdout


def _sections(text: str, name: int = 0, size: int = 1, base: int = 10) -> dict[str, int]:
    found = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) > max(name, size) and all(ch in "0123456789abcdef" for ch in parts[size]):
            found[parts[name]] = int(parts[size], base)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of an artefact")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--optimise", nargs="+", default=["-Os", "-O2"])
    parser.add_argument("--cores", nargs="+", default=list(CORES))
    args = parser.parse_args()
    if missing():
        parser.error(missing())


if __name__ == "__main__":
    main()
