"""Whether controllers work: by the status of workloads, and by the Lease of kube-controller-manager."""

from __future__ import annotations

from typing import Any, cast

import pytest

from podlab.errors import ApiError
from podlab.grading import controllers
from podlab.grading.controllers import LEASE, is_unobserved, refuse_idle
from podlab.grading.exercise import NotGradable

DEPLOYMENT = {"kind": "Deployment", "metadata": {"name": "shop", "generation": 2}}


@pytest.mark.parametrize(
    ("workload", "unobserved"),
    [
        (DEPLOYMENT, True),
        ({**DEPLOYMENT, "status": {"observedGeneration": 1}}, True),
        ({**DEPLOYMENT, "status": {"observedGeneration": 2}}, False),
        ({"kind": "Job", "metadata": {"name": "report"}, "status": {}}, True),
        ({"kind": "Job", "metadata": {"name": "report"}, "status": {"startTime": "x"}}, False),
        ({"kind": "Job", "metadata": {"name": "report"}, "spec": {"suspend": True}}, False),
    ],
)
def test_a_workload_shows_whether_a_controller_looked_at_it(
    workload: dict[str, Any], unobserved: bool
) -> None:
    """A rollout that nobody began is of a generation that nobody observed; a suspended Job has no status."""
    assert is_unobserved(workload) is unobserved


class Server:
    """A client of a server with one Deployment and a Lease, renewed as often as *renewals* says."""

    def __init__(self, status: dict[str, Any], renewals: list[str] | None) -> None:
        self.status, self.renewals = status, renewals

    def path_of(self, body: dict[str, Any], namespace: str) -> str:
        return f"{namespace}/{body['metadata']['name']}"

    def find(self, path: str) -> dict[str, Any] | None:
        if path != LEASE:
            return {"metadata": DEPLOYMENT["metadata"], "status": self.status}
        if self.renewals is None:
            raise ApiError("leases is forbidden", code=403)
        time = self.renewals.pop(0) if len(self.renewals) > 1 else self.renewals[0]
        return {"spec": {"renewTime": time, "leaseDurationSeconds": 0}}


def ask(status: dict[str, Any], renewals: list[str] | None) -> None:
    """Ask such a server."""
    refuse_idle(cast(Any, Server(status, renewals)), "here", [DEPLOYMENT])


def test_controllers_that_work_or_cannot_be_asked_refuse_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of a school seldom reads kube-system."""
    monkeypatch.setattr(controllers, "_MORE_S", 0.0)
    ask({"observedGeneration": 2}, ["12:00:00", "12:00:02"])
    ask({"observedGeneration": 2}, None)


def test_a_workload_that_nobody_looked_at_leaves_the_grade_open() -> None:
    with pytest.raises(NotGradable, match="no controller looked at the Deployment shop"):
        ask({"observedGeneration": 1}, None)


def test_a_lease_that_is_not_renewed_leaves_the_grade_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controllers ended after they had looked: new Pods, and addresses of Services, do not come any more."""
    monkeypatch.setattr(controllers, "_MORE_S", 0.0)
    with pytest.raises(NotGradable, match="the Lease of kube-controller-manager is not renewed"):
        ask({"observedGeneration": 2}, ["12:00:00"])
