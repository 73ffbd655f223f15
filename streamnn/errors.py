"""Every error streamnn raises on purpose.

::

    StreamnnError
     ├── SchemaError       a column, label or record has a shape or type that was not agreed
     ├── LimitError        something that grows has reached its declared limit
     ├── StateError        a saved state does not fit: names the leaf
     ├── SourceError       a source can't be read
     ├── SinkError         an output can't be written
     ├── SpecError         a job spec or an option is wrong: names the field
     ├── JobError          a running job can't be reached, or refuses
     ├── MissingPackage    an optional package is needed: names the install line
     └── MissingCompiler   a C compiler is needed
"""

from __future__ import annotations


class StreamnnError(Exception):
    """Base of all errors raised on purpose: says what, where and what to do."""


class SchemaError(StreamnnError):
    """A column, label or record has a shape or type that was not agreed."""


class LimitError(StreamnnError):
    """Something that grows has reached its declared limit."""


class StateError(StreamnnError):
    """A saved state does not fit the object it is loaded into."""


class SourceError(StreamnnError):
    """A source can't be read."""


class SinkError(StreamnnError):
    """An output can't be written."""


class SpecError(StreamnnError):
    """A job spec or an option is wrong."""


class JobError(StreamnnError):
    """A running job can't be reached, or refuses what it is asked."""


class MissingPackage(StreamnnError, ImportError):
    """An optional package is needed."""

    def __init__(self, package: str, extra: str, what: str):
        super().__init__(f"{what} needs the package {package!r}: run pip install 'streamnn[{extra}]'")


class MissingCompiler(StreamnnError):
    """A C compiler is needed, and this machine has none."""
