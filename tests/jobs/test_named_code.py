"""Code that a spec names: where it is looked for, and what is said where it is not found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamnn.errors import SpecError
from streamnn_jobs.run.named_code import named_function


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder of its own; what was imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def test_a_module_in_the_current_folder_is_found(here: Path) -> None:
    (here / "nets_a").mkdir()
    (here / "nets_a" / "deep.py").write_text(
        "def mlp(i, o):\n    return i + o\nclass Box:\n    make = staticmethod(mlp)\n"
    )
    assert named_function("nets_a.deep:mlp", "learner.make")(2, 3) == 5
    assert named_function("nets_a.deep:Box.make", "learner.make")(2, 3) == 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nets_b.mlp", r"is 'nets_b\.mlp'; write it as package\.module:function"),
        ("nets_b:", "write it as"),
        (":mlp", "write it as"),
        ("nets_b:mlp", r"no module 'nets_b', neither installed nor in .*: start the job in the folder"),
        ("json.nets_b:mlp", r"no module 'json\.nets_b'"),
        ("nets_c:mpl", r"module 'nets_c' has no 'mpl'; did you mean mlp\?"),
        ("nets_c:WIDTH", r"nets_c:WIDTH is of type int; name a function"),
        ("nets_d:mlp", r"module 'nets_d' needs 'gone_package', which is not installed: install it"),
        ("nets_e:mlp", r"module 'nets_e' can't be imported: ZeroDivisionError"),
        ("nets_f:mlp", r"module 'nets_f' can't be imported: SyntaxError"),
        ("nets_g:mlp", r"module 'nets_g' can't be imported: SystemExit: 3"),
    ],
)
def test_what_is_not_there_is_said_with_its_field(text: str, why: str, here: Path) -> None:
    (here / "nets_c.py").write_text("WIDTH = 3\ndef mlp(i, o): ...\n")
    (here / "nets_d.py").write_text("import gone_package.inner\n")
    (here / "nets_e.py").write_text("1 / 0\n")
    (here / "nets_f.py").write_text("def (\n")
    (here / "nets_g.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(SpecError, match=f"^learner.guests.mine.make: .*{why}"):
        named_function(text, "learner.guests.mine.make")


def test_what_a_module_prints_is_kept_out_of_standard_output(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "nets_h.py").write_text("print('hello')\ndef mlp(i, o): ...\n")
    named_function("nets_h:mlp", "learner.make")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\n")
