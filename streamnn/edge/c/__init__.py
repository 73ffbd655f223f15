"""C99 of an artefact, as text: nothing is written to disk here."""

from .emit import emit_c
from .host import LABELLED, OBSERVED, write_host

__all__ = ["LABELLED", "OBSERVED", "emit_c", "write_host"]
