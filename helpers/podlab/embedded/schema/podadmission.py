"""
Admission of a Pod, apart from the defaults of its type: service account, tolerations, priority, QoS
class.

Pure: the simulator uses it as the API server does.

Source: plugin/pkg/admission/{serviceaccount,defaulttolerationseconds,priority}, pkg/apis/core/v1/helper/qos.
"""

from __future__ import annotations

from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_VOLUME = "kube-api-access-"
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def random_suffix(length: int = 5) -> str:
    """Letters as upstream draws them for generated names: none that spell words."""
    import secrets

    return "".join(LETTERS[byte % len(LETTERS)] for byte in secrets.token_bytes(length))


def account_of(pod: RawObject) -> str:
    """Return the name of the service account that a Pod asks for."""
    return pod["spec"].get("serviceAccountName") or pod["spec"].get("serviceAccount") or "default"


def admit_service_account(pod: RawObject, account: RawObject | None, suffix: str = "") -> None:
    """Set the account and mount its token, unless the Pod or the account says not to; in place."""
    spec = pod["spec"]
    spec["serviceAccountName"] = spec["serviceAccount"] = account_of(pod)
    automount = spec.get("automountServiceAccountToken")
    if automount is None and account is not None:
        automount = account.get("automountServiceAccountToken")
    if automount is False:
        return
    volume = next(
        (v["name"] for v in spec.get("volumes") or [] if v.get("name", "").startswith(TOKEN_VOLUME)), ""
    )
    added = volume or TOKEN_VOLUME + (suffix or random_suffix())
    mount = {"name": added, "readOnly": True, "mountPath": TOKEN_PATH}
    used = False
    for container in roles.containers(pod, roles.INIT, roles.APP):
        mounts = container.get("volumeMounts") or []
        if all(m.get("mountPath") != TOKEN_PATH for m in mounts):
            container["volumeMounts"] = [*mounts, dict(mount)]
            used = True
    if used and not volume:
        spec["volumes"] = [*(spec.get("volumes") or []), _token_volume(added)]


def _token_volume(name: str) -> RawObject:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
            ],
            "defaultMode": 420,
        },
    }


def drop_disabled(spec: RawObject, old: RawObject | None = None) -> None:
    """
    Take out what belongs to features that the release has switched off, unless it is stored already; in place.

    Source: pkg/api/pod/util.go; ``stopSignal`` is ContainerStopSignals.
    """
    if old is not None and any(_stop_signal(container) for container in roles.in_spec(old)):
        return
    for container in roles.in_spec(spec):
        if _stop_signal(container):
            left = {key: value for key, value in container["lifecycle"].items() if key != "stopSignal"}
            if left:
                container["lifecycle"] = left
            else:
                del container["lifecycle"]


def _stop_signal(container: RawObject) -> bool:
    return (container.get("lifecycle") or {}).get("stopSignal") is not None


def admit_defaults(pod: RawObject) -> None:
    """Priority and the two tolerations that every Pod gets; a negative grace becomes 1; in place."""
    spec = pod["spec"]
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    tolerations = list(spec.get("tolerations") or [])
    for key in TOLERATED:
        if not any(t.get("key") in (key, None, "") and t.get("effect") in ("NoExecute", None, "") and
                   (t.get("key") or t.get("operator") == "Exists") for t in tolerations):  # fmt: skip
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    spec["tolerations"] = tolerations


def qos_class(pod: RawObject) -> str:
    """BestEffort, Burstable or Guaranteed: by the Pod's own resources where it has some."""
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    guaranteed = True
    whole = pod["spec"].get("resources")
    for resources in (
        [whole] if whole else [c.get("resources") or {} for c in roles.containers(pod, roles.INIT, roles.APP)]
    ):
        _add(requests, resources.get("requests"))
        found = _add(limits, resources.get("limits"))
        guaranteed = guaranteed and found == {"cpu", "memory"}
    if not requests and not limits:
        return "BestEffort"
    same = guaranteed and all(requests.get(name) == amount for name, amount in limits.items())
    return "Guaranteed" if same and len(limits) == len(requests) else "Burstable"


def _add(totals: dict[str, int], amounts: RawObject | None) -> set[str]:
    found = set()
    for name in ("cpu", "memory"):
        nanos = quantity.nanos((amounts or {}).get(name, "0"))
        if nanos > 0:
            totals[name] = totals.get(name, 0) + nanos
            found.add(name)
    return found
