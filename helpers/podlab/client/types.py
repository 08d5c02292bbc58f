"""The small records that the client hands out."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote


def segment(name: str) -> str:
    """Return *name* as one segment of a path: a slash or ``..`` in it leads nowhere else."""
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if set(name) <= {"."} else quoted


def prefix_of(api_version: str) -> str:
    """Return where the kinds of an apiVersion are served."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


class ExecOutput(NamedTuple):
    """
    The output and exit code of a command that ran inside a container.

    ``exit_code`` is the command's own; ``stdout`` and ``stderr`` are decoded as UTF-8 with replacement.
    """

    stdout: str
    stderr: str
    exit_code: int


class Resource(NamedTuple):
    """One kind of object as the server names it: ``Pod`` is ``pods`` of ``v1``, namespaced."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def prefix(self) -> str:
        """``/api/v1`` for the core group, ``/apis/GROUP/VERSION`` for all others."""
        return prefix_of(self.api_version)

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the path of the collection, or of one object; cluster-wide kinds ignore *namespace*."""
        parts = [self.prefix]
        if self.namespaced and namespace:
            parts += ["namespaces", segment(namespace)]
        parts.append(self.plural)
        if name:
            parts.append(segment(name))
        return "/".join(parts)
