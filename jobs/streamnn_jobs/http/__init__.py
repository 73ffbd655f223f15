"""A running job over HTTP: metrics, health, status, the live page, and what an operator may ask of it."""

from .server import JobServer

__all__ = ["JobServer"]
