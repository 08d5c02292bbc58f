"""
The context driver: one namespace on a cluster that somebody else runs, and nothing outside of it.

The namespace is made here (and then deleted on stop), or named by the user (and then never deleted). The
kubeconfig that is handed out holds that one context, set to that namespace.
"""

from __future__ import annotations

from collections.abc import Sequence

from podlab.client import resources, waiting
from podlab.drivers import kubeconfig, process, state
from podlab.drivers.base import Cluster, Profile, Progress, Status, silent
from podlab.drivers.recorded import RecordedDriver
from podlab.errors import ApiError, ConflictError, DriverError, NotFoundError, PodlabError, WaitTimeoutError

LABEL = "podlab.dev/cluster"
MANAGED = {"app.kubernetes.io/managed-by": "podlab"}


class ContextDriver(RecordedDriver):
    """Uses a context of an existing kubeconfig; makes at most one namespace there."""

    name = "context"

    def stop(self, name: str, *, progress: Progress = silent) -> bool:
        """Delete the namespace if it was made here; forget the kubeconfig. False if absent."""
        with state.locked(name):
            record = state.read(name)
            if record is None:
                return False
            _remove(record, progress)
            return True

    def status(self, name: str) -> Status:
        """Ask the API server for its version and for the namespace."""
        record = state.read(name)
        if record is None:
            return Status(self.name, name, running=False, note="podlab uses no context under this name")
        cluster = state.cluster(record)
        try:
            version, note = cluster.client().version(), _namespace_note(cluster)
        except PodlabError as error:
            version, note = None, error.summary
        return state.status(record, running=version is not None, version=version, note=note)

    def load_images(self, name: str, images: Sequence[str], *, progress: Progress = silent) -> None:
        """Refuse: the nodes of this cluster are not ours."""
        raise DriverError(
            f"images cannot be loaded into {name!r}: its nodes belong to somebody else",
            hint=f"push them to a registry that it can reach: docker push {images[0] if images else 'IMAGE'}",
        )

    def _revive(self, record: state.Record, profile: Profile, progress: Progress) -> Cluster | None:
        if record["state"] == "ready":
            return state.cluster(record)
        with process.not_interrupted():
            _remove(record, progress)
        return None

    def _make_new(self, profile: Profile, progress: Progress) -> Cluster:
        theirs = kubeconfig.read_users(profile.source)
        namespace = profile.namespace or f"podlab-{profile.name}"
        context = f"podlab-{profile.name}"
        record = state.new_record(
            self.name,
            profile.name,
            context=context,
            namespace=namespace,
            source=profile.context or "",
            made=False,
        )
        config = kubeconfig.cut(theirs, profile.context, name=context, namespace=namespace)
        try:
            state.save(record)
            kubeconfig.write(state.folder(profile.name) / "kubeconfig", config)
            if profile.namespace:
                _check_namespace(record)
                progress(f"using the existing namespace {namespace}; it will not be deleted")
            else:
                progress(f"creating namespace {namespace}")
                _make_namespace(record)
            client = state.cluster(record).client()
            waiting.until_account(client, namespace, deadline_s=min(profile.deadline_s, 30))
            if profile.merge:
                kubeconfig.merge(record)
            record["state"] = "ready"
            state.save(record)
            return state.cluster(record)
        except BaseException:
            with process.not_interrupted():
                _remove(record, progress)
            raise


def _make_namespace(record: state.Record) -> None:
    client, namespace = state.cluster(record).client(), record["namespace"]
    labels = {**MANAGED, LABEL: record["id"]}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    record["made"] = (
        True  # written before the request: were its answer lost, `_remove` still checks the label
    )
    state.save(record)
    try:
        client.create(resources.path("namespaces"), body)
    except ConflictError as error:
        raise DriverError(
            f"namespace {namespace} already exists, and podlab did not create it; it is left unchanged",
            cause=error.summary,
            hint=f"podlab up --driver context --namespace {namespace}, or another --cluster",
        ) from error
    except ApiError as error:
        if error.code != 403:
            raise
        raise DriverError(
            f"you may not create namespace {namespace} on that cluster",
            cause=error.summary,
            hint="ask for a namespace, then: podlab up --driver context --namespace NAME",
        ) from error


def _check_namespace(record: state.Record) -> None:
    client, namespace = state.cluster(record).client(), record["namespace"]
    try:
        found = client.get(resources.path("namespaces", name=namespace))
    except NotFoundError as error:
        raise DriverError(
            f"namespace {namespace} does not exist on that cluster", cause=error.summary
        ) from error
    except ApiError as error:
        if error.code != 403:
            raise
        client.get(resources.path("pods", namespace), limit=1)  # many users may only look inside
        return
    if found.get("status", {}).get("phase") == "Terminating":
        raise DriverError(
            f"namespace {namespace} is being deleted",
            hint=f"with kubectl: kubectl get namespace {namespace} --watch",
        )


def _remove(record: state.Record, progress: Progress) -> None:
    """Delete the namespace if it carries our id, then the folder. Other namespaces are never deleted."""
    home = state.folder(record["name"])
    if record["made"] and (home / "kubeconfig").exists():
        _delete_namespace(record, progress)
    kubeconfig.unmerge(record)
    state.forget(record["name"])


def _delete_namespace(record: state.Record, progress: Progress, *, deadline_s: float = 90.0) -> None:
    client, path = state.cluster(record).client(), resources.path("namespaces", name=record["namespace"])
    found = client.find(path)
    if found is None or (found["metadata"].get("labels") or {}).get(LABEL) != record["id"]:
        return
    uid = found["metadata"]["uid"]
    progress(f"deleting namespace {record['namespace']}")
    client.remove(path, uid=uid)
    waiting.until_gone(
        client,
        path,
        uid=uid,
        deadline_s=deadline_s,
        late=lambda: WaitTimeoutError(
            f"namespace {record['namespace']} was still being deleted after {deadline_s:g} s",
            hint=f"with kubectl: kubectl get namespace {record['namespace']} -o yaml shows what blocks it",
        ),
    )


def _namespace_note(cluster: Cluster) -> str:
    try:
        found = cluster.client().find(resources.path("namespaces", name=cluster.namespace))
    except ApiError:
        return ""
    if found is None:
        return f"its namespace {cluster.namespace} is gone: podlab down, then podlab up"
    phase = found.get("status", {}).get("phase", "Active")
    return "" if phase == "Active" else f"its namespace {cluster.namespace} is {phase}"
