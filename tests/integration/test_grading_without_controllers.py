"""Grading on a control plane whose controllers end: the cluster failed, not the student."""

from __future__ import annotations

import subprocess
import threading
import uuid

import pytest

from podlab import drivers
from podlab.drivers import Cluster, Profile
from podlab.grading import Place, find, grade
from podlab.grading.prove import samples


@pytest.mark.kind
def test_without_controllers_no_grade_is_a_zero() -> None:
    """kube-controller-manager ends while a play waits for a Deployment, and is away when the next one begins."""
    driver, name = drivers.get("kind"), f"test-controllers-{uuid.uuid4().hex[:6]}"
    made = driver.make(Profile(name=name))
    try:
        exercise = find("e36")
        answer = next(sample.text for sample in samples(exercise) if sample.kind == "right")
        stopped = threading.Event()

        def stop(*_: object) -> None:
            if not stopped.is_set():
                stopped.set()
                _end_controllers(made)

        report = grade(exercise, answer, Place.on(made, see=stop))
        assert stopped.is_set()
        assert (report.state, report.as_dict()["score"]) == ("not gradable", None), str(report)
    finally:
        driver.stop(name)


def _end_controllers(cluster: Cluster) -> None:
    """Take the manifest of kube-controller-manager from the kubelet, and end its container."""
    node = drivers.get("kind").status(cluster.name).nodes[0]
    script = """
        mv /etc/kubernetes/manifests/kube-controller-manager.yaml /etc/kubernetes/
        crictl ps -q --name kube-controller-manager | xargs -r crictl stop -t 0
    """
    subprocess.run(["docker", "exec", node, "sh", "-c", script], check=True, capture_output=True)
