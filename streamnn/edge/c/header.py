"""The header of a model: what a program calls, and what it keeps between events."""

from __future__ import annotations

from ..artefact import Artefact
from ..integers import NO_READING
from .network import Options, takes_labels
from .stage import state_fields


def write_header(name: str, artefact: Artefact, options: Options, loads: bool) -> str:
    """As C."""
    up, d, c = name.upper(), artefact.stage.sensors, artefact.outputs
    lines = [
        f"#ifndef {up}_H",
        f"#define {up}_H",
        "#include <stdint.h>",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {up}_SENSORS {d}",
        f"#define {up}_OUTPUTS {c}",
        f"#define {up}_LOGIT_FRACTION {artefact.logit_fraction}" if not loads else "",
        f"#define {up}_NO_READING ({NO_READING}) /* what a sensor delivers where it has no value */",
    ]
    flags = {
        "CLASSES": len(artefact.classes),
        "PROBABILITIES": options.probabilities,
        "SURPRISE": options.surprise,
        "RADIUS": options.radius,
        "LEARNS": artefact.learning != "off",
        "LABELS": takes_labels(artefact),
        "LOADS": loads,
    }
    lines += [f"#define {up}_{k} {int(v)}" for k, v in flags.items() if v]
    lines += ["", "/* Sensors, in the order of raw: signed integers of 15 bits, the value times 2**fraction."]
    lines += [f"   {i}: {_plain(s.name)}, fraction {s.fraction}" for i, s in enumerate(artefact.sensors)]
    lines[-1] += " */"
    lines += ["", "/* What a device keeps; it goes on when a newer model comes. All zeros is a fresh one. */"]
    lines += ["typedef struct {"]
    fields = state_fields(artefact.stage)
    if artefact.learning != "off":
        fields += f"  int32_t bias[{c}]; /* learnt since the model was published */\n"
    if artefact.learning == "layer":
        fields += f"  int32_t out[{c}][{artefact.modules[-2].units}];\n"
    lines += [fields.rstrip() or "  uint8_t nothing;", f"}} {name}_state;", ""]
    lines += [
        "/* What is said of an event. It is kept until its label comes, if the label is to be learnt from. */"
    ]
    lines += ["typedef struct {", f"  int32_t logit[{c}]; /* to the base 2, times 2**LOGIT_FRACTION */"]
    lines += ["  int32_t surprise; /* 16ths of a nat */"] * options.surprise
    lines += [
        "  int32_t radius; /* within it no change of the inputs changes the class: 32nds of a unit */"
    ] * options.radius
    lines += [f"  int16_t p[{c}]; /* probabilities times 2**15 */"] * options.probabilities
    if artefact.learning == "layer":
        lines += [f"  int8_t z[{-(-artefact.modules[-2].units // 8) * 8}]; /* of the last hidden layer */"]
    lines += [f"}} {name}_event;", ""]
    if loads:
        lines += [
            "/* Use tables from here on; 0, or why not: 1 no tables, 2 another version, 3 made for other code,",
            "   4 damaged. They must stay where they are, and may lie in flash. */",
            f"int {name}_load(const uint8_t *tables, uint32_t length);",
        ]
    lines += [f"void {name}_reset({name}_state *s);"]
    if artefact.learning != "off":
        lines += [
            "/* A newer model came: context and label history go on, what was learnt begins anew. */",
            f"void {name}_update({name}_state *s);",
        ]
    what = "the number, in raw units" if not artefact.classes else "the most probable class"
    lines += [
        f"/* One event: {what}. */",
        f"int32_t {name}_step({name}_state *s, const int32_t raw[{d}], {name}_event *e);",
    ]
    if takes_labels(artefact):
        lines += [
            "/* The class of an event became known. */",
            f"void {name}_learn({name}_state *s, const {name}_event *e, int label);",
        ]
    return "\n".join([*lines, "#ifdef __cplusplus", "}", "#endif", "#endif", ""])


def _plain(name: str) -> str:
    return "".join(ch if ch.isalnum() or (ch in " _-." and ch.isascii()) else "_" for ch in name)
