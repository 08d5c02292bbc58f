"""
Waiting for a cluster: each wait has a deadline, and its end is an error.

    until           ask until the answer is true
    until_gone      until an object is gone
    until_account   until Pods may be made in a new namespace
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from podlab.client import resources
from podlab.client.core import Client
from podlab.errors import ApiError, PodlabError, WaitTimeoutError

_FORBIDDEN = 403
_SLOWEST_S = 2.0  # of a controller that is slow many clients would ask: the longer it takes, the less often

T = TypeVar("T")


def until(
    done: Callable[[], T],
    *,
    deadline_s: float,
    late: Callable[[], PodlabError],
    every_s: float = 0.1,
    slowest_s: float | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> T:
    """
    Ask *done* every *every_s* seconds until its answer is true, and return that answer.

    Args:
        late: Makes the error that is raised when *deadline_s* has passed; *done* was asked at least once by then.
        slowest_s: Each pause is half as long again as the one before, up to this; None: all are *every_s*.
        meanwhile: Called before each pause, to say what is being waited for.
    """
    gives_up_at = time.monotonic() + deadline_s
    while not (answer := done()):
        if time.monotonic() >= gives_up_at:
            raise late()
        meanwhile()
        time.sleep(every_s)
        if slowest_s is not None:
            every_s = min(slowest_s, 1.5 * every_s)
    return answer


def until_gone(
    client: Client,
    path: str,
    *,
    uid: str | None = None,
    deadline_s: float,
    late: Callable[[], PodlabError],
) -> None:
    """Wait until the object at *path* is gone, or with *uid* until another object has taken its name."""

    def gone() -> bool:
        left = client.find(path)
        return left is None or (uid is not None and left["metadata"]["uid"] != uid)

    until(gone, deadline_s=deadline_s, late=late)


def until_account(client: Client, namespace: str, *, deadline_s: float) -> None:
    """
    Wait for the default ServiceAccount of a new namespace: without it no Pod is admitted.

    Returns at once where the caller may not look; the first Pod shows then whether it is there.

    Raises:
        WaitTimeoutError: After *deadline_s*.
    """

    def there() -> bool:
        try:
            return client.find(resources.path("serviceaccounts", namespace, "default")) is not None
        except ApiError as error:
            if error.code == _FORBIDDEN:
                return True
            raise

    def late() -> WaitTimeoutError:
        return WaitTimeoutError(
            f"namespace {namespace} had no default ServiceAccount after {deadline_s:g} s",
            cause="the ServiceAccount controller creates it in each namespace",
            hint="check the cluster's kube-controller-manager",
        )

    until(there, deadline_s=deadline_s, late=late, slowest_s=_SLOWEST_S)
