"""A wait that reaches its deadline: the error names the Pod that is not well, and what to ask next."""

import pytest

from podlab.errors import ApiError, WaitTimeoutError
from podlab.lab.inspecting import Inspecting


def pod(name, created, reason=None, **metadata):
    """A Pod with one container that runs and is ready, or waits for *reason*."""
    state = {"waiting": {"reason": reason}} if reason else {"running": {}}
    status = {"name": "c", "ready": not reason, "restartCount": 0, "started": not reason, "state": state}
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": f"2026-11-30T16:00:{created:02}Z",
            **metadata,
        },
        "spec": {"nodeName": "node", "containers": [{"name": "c", "image": "i"}]},
        "status": {
            "phase": "Pending" if reason else "Running",
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "False" if reason else "True"},
            ],
            "containerStatuses": [status],
        },
    }


class Namespace(Inspecting):
    """As much of a lab as ``wait`` uses."""

    namespace = "lab-05"

    def __init__(self, *pods):
        self.pods = {each["metadata"]["name"]: each for each in pods}

    def get(self, kind, name=None):
        return self.pods[name] if name else {"items": list(self.pods.values()) if kind == "pod" else []}

    def _uid(self, pod):
        return pod


def failed(lab, what, done=lambda: False):
    with pytest.raises(WaitTimeoutError) as error:
        lab.wait(done, what, deadline_s=0.1)
    return error.value


def test_a_component_that_does_not_start_is_named():
    """ "The CA is not ready" told nobody that its image was missing."""
    lab = Namespace(pod("ca", 1, "ImagePullBackOff"), pod("cat", 2, "ErrImagePull"), pod("shop", 3))

    error = failed(lab, "the CA is not ready")

    assert error.summary.startswith("the CA is not ready (waited ")
    assert error.cause == "Pod ca does not run: container c: ImagePullBackOff; not well either: cat"
    assert error.hint == 'lab.explain("ca") says more; lab.events() shows what happened in lab-05'


def test_without_a_name_it_is_the_newest_that_is_not_well():
    lab = Namespace(
        pod("old", 1, "ErrImagePull"),
        pod("new", 2, "ErrImagePull"),
        pod("going", 3, "ErrImagePull", deletionTimestamp="2026-11-30T16:01:00Z"),
    )

    assert failed(lab, "no customer got in").cause.startswith("Pod new does not run")


def test_where_all_are_well_the_error_blames_none():
    error = failed(Namespace(pod("shop", 1)), "no customer got in")

    assert (error.cause, error.hint) == (None, "lab.events() shows what happened in lab-05")


def test_what_the_condition_itself_reported_stays_the_cause():
    def asks():
        raise ApiError("the server refused", code=403)

    assert failed(Namespace(pod("ca", 1, "ErrImagePull")), "no", asks).cause == "the server refused"
