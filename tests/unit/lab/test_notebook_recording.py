"""Which Pods a recording is about: those that were applied, and those that a controller made for them."""

from types import SimpleNamespace

from podlab.lab.recording import made


def pod(name, **metadata):
    """An observation of a Pod."""
    return {"source": "watch", "resource": "pods", "object": {"metadata": {"name": name, **metadata}}}


APPLIED = {
    "source": "recorder",
    "event": "apply",
    "objects": [{"kind": "Deployment", "name": "web", "uid": "1"}, {"kind": "Pod", "name": "db", "uid": "2"}],
}


def test_pods_of_a_deployment_and_pods_that_were_applied_count_once_each():
    """A Pod of another owner, and one that was there before, are left out."""
    of_web = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-6d9f", "uid": "9"}]}
    of_other = {"ownerReferences": [{"kind": "ReplicaSet", "name": "shop-6d9f", "uid": "8"}]}
    seen = [APPLIED, pod("web-6d9f-a", uid="3", **of_web), pod("old", uid="4"), pod("db", uid="2"),
            pod("shop-1", uid="5", **of_other), pod("web-6d9f-a", uid="3", **of_web)]  # fmt: skip

    assert made(SimpleNamespace(observations=seen)) == ["web-6d9f-a", "db"]
