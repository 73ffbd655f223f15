"""What the exported artefact costs: work part by part, bytes, and an estimate of energy."""

from __future__ import annotations

from markupsafe import Markup

from ..report.elements import section, table
from ..report.formats import decimal, whole
from .export_facts import ExportFacts
from .templating import TEMPLATES

_COUNTS = (
    ("multiply_accumulates", "multiply-accumulates"),
    ("nonzero", "of them not 0"),
    ("bit_operations", "bit operations"),
    ("requantisations", "requantisations"),
    ("comparisons", "comparisons"),
    ("lookups", "look-ups"),
    ("table_bytes", "bytes of tables"),
)
"""Key and title of each count."""
_ENERGIES = (
    ("energy_pj", "integers, shifted"),
    ("energy_multiply_pj", "integers, multiplied and shifted"),
    ("energy_float_pj", "the same network in float32"),
)
"""Key and title of each way to do the same."""


def cost_section(facts: ExportFacts) -> Markup:
    """Tables of counts, bytes and energy."""
    cost = facts.chosen.cost
    counts = [
        [str(part["part"]), *(whole(part[key]) for key, _ in _COUNTS)]
        for part in (*cost["parts"], cost["total"])
    ]
    work = table(
        ["part", *(title for _, title in _COUNTS)], counts, "Of one event, as counted in the artefact"
    )
    energies = [
        [
            title,
            *(decimal(cost[key][k] / 1000.0, 3) for k in ("arithmetic", "requantising", "memory", "total")),
        ]
        for key, title in _ENERGIES
    ]
    energy = table(
        ["quantiser", "arithmetic", "of it requantising", "reading tables", "in all"],
        energies,
        "Energy of one event, nanojoules: an estimate",
    )
    how = (
        "Counts are of the integers as they are, an event at a time. Beside the shifts that this product uses stand a "
        "quantiser that multiplies by a 32-bit factor and shifts, and floating point. Energy is an estimate to compare by, "
        "not what a device draws."
    )
    source = TEMPLATES.render(
        "aside.html", text=f"{cost['energy_source'][:1].upper()}{cost['energy_source'][1:]}."
    )
    return section("cost", "What it costs", how, work, _memory(facts), energy, source)


def _memory(facts: ExportFacts) -> Markup:
    cost = facts.chosen.cost
    tables = next((len(v) for k, v in facts.files.items() if k.endswith("tables.bin")), facts.chosen.bytes)
    rows = [["tables, as they are stored (tables.bin)", whole(tables)]]
    rows.append(["the same numbers in float32", whole(cost["float_bytes"])])
    rows += [[f"state: {name}", whole(size)] for name, size in cost["state"].items() if size]
    for size in facts.sizes:
        rows.append([f"code, {size.core}, -Os", whole(size.code_bytes)])
        rows.append([f"stack, {size.core}, at most", whole(size.stack_bytes)])
    found = table(["what", "bytes"], rows, "Memory")
    if facts.sizes:
        return found
    note = "Code and stack are not told: no C compiler was found where this was exported."
    return found + TEMPLATES.render("aside.html", text=note)
