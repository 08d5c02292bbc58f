"""
Reads a recording back: whole, cut short, or still being written.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab.errors import RecordingError

if TYPE_CHECKING:
    from podlab.timeline import Timeline

Observation = dict[str, Any]
LOST_LOG = "the log could not be read any more"
"""Reason of a gap: the server did not give a log that goes on, try after try."""
_SCHEMAS = (1,)
_LONGEST_S = 1e8  # three years; what is beyond was never measured
_CUT_REASONS = {"interrupted", "connection lost"}


class Recording:
    """
    One recording file. Nothing but its header and its end is held in memory.

    Attributes:
        header: The first line: server, driver, cluster, namespace, started_at, manifest.
        end_reason: Why it ended ("Ready", "gone", "deadline", …); None where it was cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = _read_header(path)
        end = _read_end(path)
        self.end_reason: str | None = end.get("reason") if end else None
        self.end: Observation | None = end

    @classmethod
    def read(cls, path: str | Path) -> Recording:
        """
        Open the recording at *path*.

        Raises:
            RecordingError: If it is missing, no recording, or of a newer schema than this version reads.
        """
        return cls(Path(path))

    def delete_when_forgotten(self) -> Recording:
        """Remove the file when this object is no longer used: for recordings that nobody gave a name."""
        weakref.finalize(self, self.path.unlink, missing_ok=True)
        return self

    @property
    def complete(self) -> bool:
        """Whether it ran to its own end: not killed, interrupted or cut off from the server."""
        return self.end_reason is not None and self.end_reason not in _CUT_REASONS

    @property
    def observations(self) -> Iterable[Observation]:
        """
        Every observation, in the order written; can be walked any number of times.

        A line that cannot be read becomes an observation of the recorder: a "gap" that names the line.
        """
        return _Lines(self.path)

    @property
    def gaps(self) -> list[Observation]:
        """The stretches in which something may be missing, as the recorder noted them."""
        return [one for one in self.observations if one["source"] == "recorder" and one["event"] == "gap"]

    def lost_logs(self) -> list[str]:
        """Return the names of the Pods whose log the server did not give to its end."""
        return sorted({str(one["pod"]) for one in self.gaps if one.get("reason") == LOST_LOG})

    def pods(self) -> list[str]:
        """Return the names of the Pods seen: those of the manifest first, then in order of appearance."""
        with _readable(self.path):
            wanted = [
                str((one.get("metadata") or {}).get("name"))
                for one in self.header.get("manifest") or []
                if one.get("kind") == "Pod"
            ]
        seen: dict[str, None] = {}
        for one in self.observations:
            if one.get("resource") == "pods" and "object" in one:  # a gap names its resource too
                seen.setdefault(one["object"]["metadata"]["name"])
        return [name for name in wanted if name in seen] + [name for name in seen if name not in wanted]

    def timeline(self, pod: str | None = None) -> Timeline:
        """Return the timeline of *pod* (default: the first of ``pods()``)."""
        from podlab.timeline import Timeline

        with _readable(self.path):
            return Timeline.from_observations(self.header, self.observations, pod=pod)

    def __repr__(self) -> str:
        state = f"ended: {self.end_reason}" if self.end_reason else "cut short"
        return f"Recording({str(self.path)!r}, {state})"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of which file it is when a value in it has a shape that no recorder writes: edited, or a disk at fault."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise RecordingError(
            f"{path} cannot be read as a recording",
            cause=f"a value in it is not what a recorder writes ({error})",
            hint="record it again; a line that was edited is the likely cause",
        ) from error


class _Lines:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Observation]:
        with self._path.open("rb") as file:
            file.readline()
            last_t = 0.0
            for number, line in enumerate(file, start=2):
                if not line.endswith(b"\n"):
                    return  # how a killed recorder ends
                observation = _parse(line)
                if observation is None:
                    yield _unreadable(last_t, number)
                    continue
                last_t = observation["t"]
                yield observation


def _unreadable(t: float, number: int) -> Observation:
    return {"t": t, "source": "recorder", "event": "gap", "reason": "unreadable line", "line": number}


def _parse(line: bytes) -> Observation | None:
    try:
        observation = json.loads(line)
    except ValueError:
        return None
    if not isinstance(observation, dict) or "source" not in observation:
        return None
    t = observation.get("t")
    if not isinstance(t, int | float) or not -_LONGEST_S < t < _LONGEST_S:
        return None
    return observation if _object_is_whole(observation) else None


def _object_is_whole(observation: Observation) -> bool:
    """Return whether the object in it, if there is one, has a name."""
    if observation.get("resource") != "pods" or "object" not in observation:
        return True
    body = observation["object"]
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str)


def read_recording(path: str | Path) -> Recording:
    """Open the recording file at *path*; see ``Recording``."""
    return Recording.read(path)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(8 << 20) or b"null")
    except OSError as error:
        raise RecordingError(
            f"{path} cannot be read",
            cause=error.strerror or str(error),
            hint="podlab record … --out FILE makes one",
        ) from error
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("kind") != "podlab.recording":
        raise RecordingError(
            f"{path} is not a recording",
            cause='its first line is not a JSON object of kind "podlab.recording"',
            hint="podlab record MANIFEST --out FILE makes one",
        )
    if header.get("schema") not in _SCHEMAS:
        raise RecordingError(
            f"{path} has schema {header.get('schema')!r}, this version reads {sorted(_SCHEMAS)}",
            cause=f"it was written by podlab {header.get('podlab', '?')}",
            hint="pip install --upgrade podlab",
        )
    return header


def _read_end(path: Path) -> Observation | None:
    """Return the end line, if the file's last whole line is one."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65536))
        tail = file.read()
    if not tail.endswith(b"\n"):
        return None
    last = _parse(tail.rstrip(b"\n").rsplit(b"\n", 1)[-1])
    if last and last["source"] == "recorder" and last.get("event") == "end":
        return last
    return None
