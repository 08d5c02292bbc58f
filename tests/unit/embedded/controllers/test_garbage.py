"""What the garbage collector waits for when an owner is deleted in the foreground."""

from __future__ import annotations

import pytest
from plane import Cluster

from podlab.embedded.api.local import LocalApi
from podlab.embedded.api.verbs.deletion import FOREGROUND
from podlab.embedded.store import timestamp


class Deleting(Cluster):
    """It deletes as the API does, with finalizers."""

    def delete(self, resource, namespace, name, *, grace_s=None, policy=""):
        LocalApi(self.store).delete(resource, namespace, name, grace_s=grace_s, policy=policy)


@pytest.fixture
def cluster():
    return Deleting()


def _make(cluster, name, *owners, finalizers=()):
    rows = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": one["metadata"]["name"],
            "uid": one["metadata"]["uid"],
            "blockOwnerDeletion": True,
        }
        for one in owners
    ]
    meta = {"name": name, "namespace": "lab", "ownerReferences": rows, "finalizers": list(finalizers)}
    return cluster.store.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})


def _change(cluster, name, **changes):
    found = cluster.store.get("configmaps", "lab", name)
    cluster.store.update("configmaps", {**found, "metadata": {**found["metadata"], **changes}})


def _mark(cluster, name, *finalizers):
    _change(cluster, name, deletionTimestamp=timestamp(cluster.store.clock()), finalizers=list(finalizers))
    cluster.run(1)


def _is_there(cluster, name):
    return cluster.store.get("configmaps", "lab", name) is not None


def test_an_object_that_changed_its_owner_belongs_to_the_former_one_no_longer(cluster):
    """The former owner is not taken for a part of a circle, so its own owner waits for it."""
    top = _make(cluster, "top")
    middle = _make(cluster, "middle", top)
    _make(cluster, "held", middle, finalizers=["example.com/held"])
    moved = _make(cluster, "moved", middle)
    _make(cluster, "below", moved, finalizers=["example.com/held"])
    _change(cluster, "moved", ownerReferences=[])
    _mark(cluster, "moved", FOREGROUND)
    _mark(cluster, "top", FOREGROUND)
    assert _is_there(cluster, "middle")
    assert _is_there(cluster, "top")
    cluster.store.delete("configmaps", "lab", "held")
    cluster.run(1)
    assert not _is_there(cluster, "middle")
    assert not _is_there(cluster, "top")
    assert _is_there(cluster, "moved")


def test_an_object_that_is_being_deleted_keeps_its_owners(cluster):
    """As upstream: one of them waits for it, although the other stays."""
    stays, goes = _make(cluster, "stays"), _make(cluster, "goes")
    _make(cluster, "held", stays, goes, finalizers=["example.com/held"])
    _mark(cluster, "held", "example.com/held")
    _mark(cluster, "goes", FOREGROUND)
    assert _is_there(cluster, "goes")
    cluster.store.delete("configmaps", "lab", "held")
    cluster.run(1)
    assert not _is_there(cluster, "goes")
    assert _is_there(cluster, "stays")
