"""
Every error that this package raises on purpose.

    PodlabError                 what happened, why, what to try
    ├── ManifestError           a manifest that cannot be read or applied; names file, line, field
    ├── DriverError             a cluster could not be made, found, reached or stopped
    ├── ApiError                the API server refused a request (carries the Status object)
    │   ├── NotFoundError       404
    │   ├── ConflictError       409
    │   └── GoneError           410: the resourceVersion is too old
    ├── ConnectionLostError     the API server stopped answering
    ├── WaitTimeoutError        a wait reached its deadline
    ├── RecordingError          a recording file cannot be read or written
    ├── TimelineError           observations that contradict each other
    ├── CheckError              a check was asked something that it cannot answer
    ├── SandboxError            the embedded node could not start or stop a process
    ├── BuildError              an image of the labs could not be made
    └── CommandError            a command in a container ended with another exit code than 0

Each prints as three lines: the summary, why, and one thing to try. Each kind of error has its own exit
code, listed in ``EXIT_CODES`` of the command line.
"""

from __future__ import annotations

from typing import Any


class PodlabError(Exception):
    """
    Base of every error that this package raises on purpose.

    Args:
        summary: What happened, in one sentence, with the names and numbers involved.
        cause: The evidence for why it happened; None when there is none.
        hint: One line to run or change next; None when there is none.
    """

    exit_code = 1

    def __init__(self, summary: str, *, cause: str | None = None, hint: str | None = None) -> None:
        super().__init__(summary)
        self.summary, self.cause, self.hint = summary, cause, hint

    def __str__(self) -> str:
        notes = [("why", self.cause), ("try", self.hint)]
        return "\n".join([self.summary, *(f"  {label}: {text}" for label, text in notes if text)])

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments do not survive the default reduction; a subclass keeps its extra attributes in __dict__.
        return (_rebuild, (type(self), self.summary, dict(self.__dict__)))


def _rebuild(kind: type[PodlabError], summary: str, state: dict[str, Any]) -> PodlabError:
    error = kind.__new__(kind)
    Exception.__init__(error, summary)
    error.__dict__.update(state)
    return error


class ManifestError(PodlabError, ValueError):
    """A manifest cannot be read or applied; the summary names the file, the line and the field."""

    exit_code = 2


class DriverError(PodlabError):
    """A cluster could not be made, found, reached or stopped."""

    exit_code = 3


class ApiError(PodlabError):
    """
    The API server refused a request.

    Args:
        status: The Status object that the server sent; ``{}`` when the answer was none.
        code: HTTP status code.
    """

    exit_code = 4

    def __init__(
        self,
        summary: str,
        *,
        cause: str | None = None,
        hint: str | None = None,
        status: dict[str, Any] | None = None,
        code: int = 0,
    ) -> None:
        super().__init__(summary, cause=cause, hint=hint)
        self.status, self.code = status or {}, code

    @property
    def reason(self) -> str:
        """The CamelCase reason of the Status object, such as ``AlreadyExists``; empty when unknown."""
        return str(self.status.get("reason", ""))


class NotFoundError(ApiError, LookupError):
    """The object, or the kind of object, does not exist (404)."""


class ConflictError(ApiError):
    """The object already exists, or has changed since it was read (409)."""


class GoneError(ApiError):
    """The resourceVersion is older than what the server still knows (410)."""


class ConnectionLostError(PodlabError, ConnectionError):
    """The API server stopped answering."""

    exit_code = 5


class WaitTimeoutError(PodlabError, TimeoutError):
    """A wait reached its deadline; the cause says what was still missing."""

    exit_code = 6


class RecordingError(PodlabError):
    """A recording file cannot be read or written."""

    exit_code = 7


class TimelineError(PodlabError, ValueError):
    """Observations contradict each other, or a question names a container that is not there."""

    exit_code = 8


class CheckError(PodlabError):
    """A check was asked something that it cannot answer."""

    exit_code = 9


class SandboxError(PodlabError):
    """The embedded node could not start or stop a process."""

    exit_code = 10


class BuildError(PodlabError):
    """An image of the labs could not be made; the cause names the part that is missing."""

    exit_code = 11


class CommandError(PodlabError):
    """
    A command in a container ended with another exit code than 0.

    Args:
        ended_with: That exit code; the class attribute ``exit_code`` is the one of the command line.
        output: What the command printed, both streams.
    """

    exit_code = 12

    def __init__(
        self,
        summary: str,
        *,
        cause: str | None = None,
        hint: str | None = None,
        ended_with: int = 0,
        output: str = "",
    ) -> None:
        super().__init__(summary, cause=cause, hint=hint)
        self.ended_with, self.output = ended_with, output
