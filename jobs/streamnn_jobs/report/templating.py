"""HTML from templates, and the style sheets and scripts beside them: files of a package."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_UNPRINTABLE = {code: "\ufffd" for code in range(32) if chr(code) not in "\n\t"}


def printable(value: Any) -> Any:
    """Text without what no XML document may hold: control characters become U+FFFD, lone surrogates ``?``.

    Examples
    --------
    >>> printable("a\\x00b\\ud800"), printable(Markup("<b>"))
    ('a\\ufffdb?', Markup('<b>'))
    """
    if isinstance(value, Markup):
        return value
    return str(value).translate(_UNPRINTABLE).encode("utf-8", "replace").decode()


class Templates:
    """The templates of some packages; whatever is put into one is escaped, unless it is :class:`Markup`.

    Parameters
    ----------
    *packages : str
        Each with a folder ``templates``; of two templates with one name that of the first package counts.

    Examples
    --------
    >>> Templates(__package__).render("section.html", key="k", title="a < b", how="", parts=[])
    Markup("<section id='k'><h2>a &lt; b</h2><p class='how'></p></section>")
    """

    def __init__(self, *packages: str):
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(name) for name in packages]),
            autoescape=True,
            auto_reload=False,
            finalize=printable,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}

    def render(self, template: str, /, **values: Any) -> Markup:
        """A template filled in."""
        return Markup(self._environment.get_template(template).render(values))


def read_asset(package: str, name: str) -> Markup:
    """A style sheet or script out of the folder ``assets`` of a package, as it is."""
    return Markup(files(package).joinpath("assets", name).read_text("utf-8"))


def script_source(script: str) -> str:
    """What a content security policy calls a script that stands in the page: only that one may run.

    Examples
    --------
    >>> script_source("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


TEMPLATES = Templates(__package__)
STYLE = read_asset(__package__, "page.css")
SCRIPT = read_asset(__package__, "readouts.js")
