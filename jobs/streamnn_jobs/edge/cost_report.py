"""The page beside exported files: what it costs and how good it is, in which width, and what was learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from streamnn.edge import Artefact, Spline

from ..report.elements import Cell, section, table
from ..report.formats import decimal, percent, whole
from ..report.on_the_edge import on_the_edge
from ..report.report import Report
from ..report.spline_gallery import spline_gallery
from ..report.templating import SCRIPT, STYLE, script_source
from ..version import VERSION
from .cost_section import cost_section
from .export_facts import ExportFacts
from .heat_map import heat_map
from .inputs import input_names, table_names
from .scatter import scatter
from .templating import TEMPLATES
from .variants import Variant


def cost_report(facts: ExportFacts) -> bytes:
    """The page as bytes: one file that needs nothing from outside."""
    artefact = facts.chosen.artefact
    report = Report(
        facts.title,
        {"edge": facts.field},
        {"edge": facts.windows},
        info={"task": "classification" if artefact.classes else "regression"},
    )
    line = " · ".join(
        f"{name}: {value}"
        for name, value in (
            ("stream", facts.source),
            ("published after", f"{whole(artefact.about.get('learnt'))} labels"),
            ("streamnn", VERSION),
        )
    )
    parts = [
        TEMPLATES.render("header.html", title=facts.title, facts=line),
        _choice(facts),
        cost_section(facts),
        on_the_edge(report),
        _weights(artefact),
        _tables(artefact),
        _files(facts),
    ]
    page = TEMPLATES.render(
        "edge_report.html",
        title=facts.title,
        style=STYLE,
        script=SCRIPT,
        script_source=Markup(script_source(SCRIPT)),
        sections=parts,
        version=VERSION,
    )
    return str(page).encode()


def _choice(facts: ExportFacts) -> Markup:
    """All widths that were measured, and which is recommended."""
    found, keys = facts.variants, tuple(facts.chosen.scores)
    rows: list[list[str | Cell]] = [
        [
            Cell([v.name], hint=_marks(v, facts), strong=v is facts.recommended),
            *(_score(k, v.scores[k]) for k in keys),
            whole(v.bytes),
            whole(v.operations),
        ]
        for v in found
    ]
    rows.append(
        [
            Cell(["float network"]),
            *(_score(k, facts.float_scores[k]) for k in keys),
            whole(facts.chosen.cost["float_bytes"]),
            "–",
        ]
    )
    listed = table(
        ["weights", *(k.replace("_", " ") for k in keys), "bytes of tables", "operations an event"], rows,
        f"Scored on {facts.held.words}", (0,),
    )  # fmt: skip
    main = keys[0]
    kind = "percent" if main == "accuracy" else "number"
    picture = scatter(
        "pareto",
        f"{'Accuracy' if main == 'accuracy' else 'Mean absolute error'} against bytes",
        [(v.name, float(v.bytes), v.scores[main], v is facts.recommended) for v in found],
        ("bytes of tables", main),
        ("float network", facts.float_scores[main]),
        kind,
    )
    how = (
        f"Recommended: {facts.recommended.name}, {whole(facts.recommended.bytes)} bytes of tables; the fewest bytes "
        f"with a loss within 1 % of the best. {facts.learning_words} Exported: {facts.chosen.name}."
    )
    return section("choice", "Which width", how, picture, listed)


def _marks(v: Variant, facts: ExportFacts) -> str:
    said = [
        *(["published"] if v.published else []),
        *(["exported"] if v is facts.chosen else []),
        *(["recommended"] if v is facts.recommended else []),
    ]
    return ", ".join(said)


def _score(key: str, value: float) -> str:
    return percent(value, 2) if key == "accuracy" else decimal(value)


def _weights(artefact: Artefact) -> Markup:
    pictures = []
    names: Sequence[str] = input_names(artefact)
    for i, module in enumerate(artefact.modules):
        rows = names if module.gather is None else [names[j] for j in module.gather.tolist()]
        title = f"Module {i}: {len(module.weights)} inputs, {module.units} units, {module.weight_bits} bits"
        pictures.append(heat_map(f"weights-{i}", title, module.weights, rows))
        if module.table is not None:
            rows = table_names(artefact)
            pictures.append(heat_map(f"table-{i}", f"Category rows of module {i}", module.table, rows))
        names = [f"unit {j}" for j in range(module.units)]
    how = "Integers as the device has them: blue raises a unit, orange lowers it, blank is 0. A column is a unit."
    return section("weights", "Weights", how, *pictures)


def _tables(artefact: Artefact) -> Markup:
    galleries = []
    for i, module in enumerate(artefact.modules):
        spline = module.after
        if not isinstance(spline, Spline):
            continue
        count = spline.knots.shape[1]
        knots = -spline.reach + np.arange(count) * 2.0**-spline.spacing
        values = spline.knots * 2.0 ** -spline.knot_fraction[:, None].astype(np.float64)
        after = artefact.modules[i + 1] if i + 1 < len(artefact.modules) else None
        used = np.ones(module.units) if after is None else np.abs(after.weights).sum(1)[: module.units]
        network = {"name": f"Module {i}", "knots": knots, "splines": values, "used": used}
        galleries.append(spline_gallery(network, i))
    if not galleries:
        return Markup()
    how = (
        f"Each picture is a table of {artefact.modules[0].after.knots.shape[1]} knots, "  # type: ignore[union-attr]
        "the function of one unit; between knots the device draws a straight line. Grey is the leaky ReLU it began with."
    )
    return section("tables", "Activation tables", how, *galleries)


def _files(facts: ExportFacts) -> Markup:
    rows = [[name, whole(len(data))] for name, data in sorted(facts.files.items())]
    certificate: list[list[str | Cell]] = [
        [key.replace("_", " "), Cell([_fact(value)], code=key.endswith("sha256"))]
        for key, value in facts.certificate.items()
        if isinstance(value, str | int | float)
    ]
    how = "certificate.json says what these files are, with their check-sums, and where they come from."
    return section(
        "files", "Files", how,
        table(["file", "bytes"], rows, "What was written"),
        table(["what", "value"], certificate, "Certificate", (0, 1)),
    )  # fmt: skip


def _fact(value: str | int | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    return whole(value) if isinstance(value, int) else decimal(value)
