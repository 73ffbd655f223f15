"""C99 of an artefact, as text: nothing is written to disk here."""

from .emit import emit_c

__all__ = ["emit_c"]
