"""The script of a container: how long it runs, how it ends, when it answers, what it makes of SIGTERM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from podlab.errors import ManifestError

IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class ContainerScript:
    """
    One container. Where a list is given, each run takes the next entry and the last one goes on for ever.

    Attributes:
        runs_s: Seconds that a run lasts; None: until it is stopped.
        exit_code: How it ends by itself.
        on_term: Seconds from SIGTERM to the end; ``"ignore"``: until SIGKILL, as a PID 1 without a handler does.
        term_code: Exit code of an end by SIGTERM.
        answers_after_s: Probes pass from then on, counted from the start of the run.
        fails_after_s: Probes fail again from then on; None: never.
        ready_after_s: The same for the readiness probe alone; None: as ``answers_after_s``.
        message: Termination message.
        start_error: The command cannot be started, with this text; None: it can.
        pull_s: The image is not there: pulling it takes so long.
        pull_error: The image cannot be had, with this text.
        post_start_s, pre_stop_s: How long hooks take that are not ``sleep``.
        post_start_fails, pre_stop_fails: Whether they fail.
        reason: Of an end by itself, as ``OOMKilled``; empty: Completed or Error.
    """

    runs_s: float | Sequence[float | None] | None = None
    exit_code: int | Sequence[int] = 0
    on_term: float | str | Sequence[float | str] = IGNORE
    term_code: int | Sequence[int] = 0
    answers_after_s: float | Sequence[float] = 0.0
    fails_after_s: float | Sequence[float | None] | None = None
    ready_after_s: float | Sequence[float | None] | None = None
    message: str | Sequence[str] = ""
    start_error: str | Sequence[str | None] | None = None
    pull_s: float | None = None
    pull_error: str | None = None
    post_start_s: float = 0.0
    pre_stop_s: float = 0.0
    post_start_fails: bool = False
    pre_stop_fails: bool = False
    reason: str | Sequence[str] = ""

    def at(self, field: str, run: int) -> Any:
        """Return the value of a field in the run of that number, the first being 0."""
        value = getattr(self, field)
        if isinstance(value, (list, tuple)):
            return value[min(run, len(value) - 1)] if value else None
        return value


KNOWN = tuple(f.name for f in fields(ContainerScript))
Script = Mapping[str, "ContainerScript | Mapping[str, Any]"]


def read(script: Script | None, names: Sequence[str]) -> dict[str, ContainerScript]:
    """
    Return a script for each container; those that are not mentioned run until they are stopped.

    Raises:
        ManifestError: For a container or a key that does not exist.
    """
    given = dict(script or {})
    for name in given:
        if name not in names:
            raise ManifestError(
                f"the script names container {name!r}, which the Pod does not have",
                cause=f"its containers are {', '.join(names)}",
            )
    return {name: _one(name, given.get(name, {})) for name in names}


def _one(name: str, entry: ContainerScript | Mapping[str, Any]) -> ContainerScript:
    if isinstance(entry, ContainerScript):
        return entry
    unknown = sorted(set(entry) - set(KNOWN))
    if unknown:
        raise ManifestError(
            f"the script of container {name!r} has an unknown key {unknown[0]!r}",
            cause=f"known keys are {', '.join(KNOWN)}",
        )
    return ContainerScript(**entry)
