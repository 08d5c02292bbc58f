"""Programs that a build runs: ended with it, and their last words in the error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from podlab.drivers import process
from podlab.errors import BuildError, DriverError
from podlab.images.cache import Progress

DEADLINE_S = 3600.0


def need(program: str, what_for: str, hint: str) -> str:
    """Return the path of *program*. Raises BuildError with *hint* where this machine has none."""
    found = shutil.which(program)
    if found is None:
        raise BuildError(f"{what_for} needs {program}, which this machine lacks", hint=hint)
    return found


def run(
    command: Sequence[str],
    failure: str,
    hint: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    progress: Progress = lambda _line: None,
) -> list[str]:
    """
    Run *command* to its end and return the last lines that it printed.

    Args:
        failure: The error's summary if it fails.
        progress: Is given each line.

    Raises:
        BuildError: It failed, or could not be started.
    """
    words = list(command) if cwd is None else ["env", "-C", str(cwd), *command]
    try:
        code, lines = process.stream(
            words, progress, deadline_s=DEADLINE_S, env={**os.environ, **(env or {})}
        )
    except DriverError as error:
        raise BuildError(failure, cause=error.summary, hint=hint) from error
    if code:
        raise BuildError(failure, cause=_last_words(lines) or f"exit code {code}", hint=hint)
    return lines


def _last_words(lines: Sequence[str]) -> str:
    """Return the first line that speaks of an error, or the last line: pip prints advice after it."""
    telling = [line for line in lines if "error" in line.lower() or line.startswith("E:")]
    return (telling or list(lines) or [""])[-1].strip()
