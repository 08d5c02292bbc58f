"""What ``podlab explain`` names, on objects that a running cluster brought into that state."""

from __future__ import annotations

from field_place import Place, case, pod_spec, template

from podlab.cli.explaining import told

SIBLING = "explain names a missing pull secret"


def _names(at: Place, name: str, *words: str, kind: str = "", without: str = "") -> None:
    """Wait until the explanation holds all *words*, and not *without*."""

    def look() -> str:
        return str(told(at.client, at.namespace, kind, name))

    at.until(
        look,
        lambda text: text and all(word in text for word in words) and (not without or without not in text),
    )


@case("explain")
def explain_names_a_missing_pull_secret(at: Place) -> None:
    at.pod("private", image="registry.invalid/team/app:2", spec={"imagePullSecrets": [{"name": "regcred"}]})
    _names(at, "private", "regcred")


@case("explain")
def explain_names_a_hook_that_hangs_also_after_a_delete(at: Place) -> None:
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "sleep 600"]}}}
    at.pod("held", lifecycle=hook)
    _names(at, "held", "postStart", without="ended")
    at.delete("pods/held")
    _names(at, "held", "postStart", without="containers have ended")


@case("explain")
def explain_names_a_finalizer_of_a_finished_pod(at: Place) -> None:
    at.make("Pod", "p", pod_spec("true", spec={"restartPolicy": "Never"}), finalizers=["field.example/held"])
    at.until(lambda: at.phase("p"), lambda found: found == "Succeeded")
    at.delete("pods/p")
    try:
        _names(at, "p", "field.example/held")
    finally:
        at.patch("pods/p", {"metadata": {"finalizers": None}})


@case("explain")
def explain_names_a_scheduler_that_is_not_there(at: Place) -> None:
    at.pod("p", spec={"schedulerName": "nobody"})
    _names(at, "p", "nobody", "schedulerName")


@case("explain")
def explain_names_a_volume_beyond_its_limit(at: Place) -> None:
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    at.pod("p", "sh", "-c", "dd if=/dev/zero of=/v/f bs=1M count=8; sleep 600",
           volumeMounts=[{"name": "v", "mountPath": "/v"}],
           spec={"volumes": volumes})  # fmt: skip
    _names(at, "p", "sizeLimit")


@case("explain")
def explain_names_an_init_container_that_was_meant_as_a_sidecar(at: Place) -> None:
    init = {"name": "helper", "image": "busybox:1.36", "command": ["sh", "-c", "echo serving; sleep 600"]}
    at.pod("p", spec={"initContainers": [init]})
    _names(at, "p", "helper", "restartPolicy: Always")


@case("explain")
def explain_names_the_sidecar_that_keeps_a_job_open(at: Place) -> None:
    rows = [{"name": "work", "image": "busybox:1.36", "command": ["true"]},
            {"name": "proxy", "image": "busybox:1.36", "command": ["sleep", "600"]}]  # fmt: skip
    at.make("Job", "j", {"template": {"spec": {"restartPolicy": "Never", "containers": rows}}})
    _names(at, "j", "proxy", kind="Job")


@case("explain", sibling_of=SIBLING)
def explain_names_a_port_that_the_probe_misses(at: Place) -> None:
    at.pod("p", readinessProbe={"httpGet": {"port": 8081}, "periodSeconds": 1})
    _names(at, "p", "readiness", "8081")


@case("explain", sibling_of=SIBLING)
def explain_names_a_program_that_the_shell_does_not_find(at: Place) -> None:
    at.pod("p", "sh", "-c", "no-such-program --serve")
    _names(at, "p", "127")


@case("explain", sibling_of=SIBLING)
def explain_names_a_key_that_a_configmap_lacks(at: Place) -> None:
    at.make("ConfigMap", "settings", data={"LOG_LEVEL": "info"})
    source = {"configMapKeyRef": {"name": "settings", "key": "LOGLEVEL"}}
    at.pod("p", env=[{"name": "LEVEL", "valueFrom": source}])
    _names(at, "p", "LOGLEVEL", "settings")


@case("explain", sibling_of=SIBLING)
def explain_names_the_pod_that_a_statefulset_waits_for(at: Place) -> None:
    at.make(
        "StatefulSet",
        "db",
        {"serviceName": "db", "replicas": 3, **template("db", image="registry.invalid/db:1")},
    )
    _names(at, "db", "db-0", kind="StatefulSet")


@case("explain", sibling_of=SIBLING)
def explain_says_that_no_node_fits_a_daemonset(at: Place) -> None:
    at.make("DaemonSet", "agent", template("agent", spec={"nodeSelector": {"disk": "fast"}}))
    _names(at, "agent", "disk", kind="DaemonSet")


@case("explain", sibling_of=SIBLING)
def explain_names_a_release_whose_pods_do_not_get_ready(at: Place) -> None:
    at.make("Deployment", "web", {"replicas": 1, **template("web")})
    at.until(lambda: at.get("deployments/web")["status"].get("readyReplicas"))
    probe = {"exec": {"command": ["test", "-f", "/ready"]}, "periodSeconds": 1}
    row = {"name": "c", "image": "busybox:1.36", "command": ["sleep", "601"], "readinessProbe": probe}
    at.patch("deployments/web", {"spec": {"template": {"spec": {"containers": [row]}}}})
    _names(at, "web", "readiness", kind="Deployment")


@case("explain", sibling_of=SIBLING)
def explain_names_an_account_that_is_not_there(at: Place) -> None:
    at.make("Deployment", "web", {"replicas": 1, **template("web", spec={"serviceAccountName": "deployer"})})
    _names(at, "web", "deployer", kind="Deployment")


@case("explain", sibling_of=SIBLING)
def explain_names_the_sidecar_that_never_starts_up(at: Place) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 300}
    side = {
        "name": "proxy",
        "image": "busybox:1.36",
        "command": ["sleep", "600"],
        "restartPolicy": "Always",
        "startupProbe": probe,
    }
    at.pod("p", spec={"initContainers": [side]})
    _names(at, "p", "waits for sidecar proxy", "startup probe has not passed")


@case("explain", sibling_of=SIBLING)
def explain_names_the_limit_of_memory(at: Place) -> None:
    hog = "x = bytearray(200 << 20)\nimport time\ntime.sleep(600)"
    at.pod("p", "python", "-c", hog, image="python:3.11-slim", resources={"limits": {"memory": "32Mi"}})
    _names(at, "p", "OOMKilled")


@case("explain", sibling_of=SIBLING)
def explain_names_a_quota_that_is_used_up(at: Place) -> None:
    at.make("ResourceQuota", "small", {"hard": {"pods": "1"}})
    at.until(lambda: at.get("resourcequotas/small").get("status", {}).get("hard"))
    at.make("Deployment", "web", {"replicas": 3, **template("web")})
    _names(at, "web", "small", kind="Deployment")


@case("explain", sibling_of=SIBLING)
def explain_says_that_a_job_waits_for_its_dependents(at: Place) -> None:
    """Deleted in the foreground, while a Pod of it is held by a finalizer."""
    at.make("Job", "j", {"template": {"metadata": {"finalizers": ["field.example/held"]},
                                      "spec": pod_spec(spec={"restartPolicy": "Never"})}})  # fmt: skip
    name = at.until(lambda: at.items("pods"))[0]["metadata"]["name"]
    at.delete("jobs/j", {"propagationPolicy": "Foreground"})
    try:
        _names(at, "j", "delet", kind="Job")
    finally:
        at.until(lambda: at.get(f"pods/{name}")["metadata"].get("deletionTimestamp"))
        at.patch(f"pods/{name}", {"metadata": {"finalizers": None}})


@case("explain", sibling_of=SIBLING)
def explain_names_a_mount_over_a_file(at: Place) -> None:
    """A subPath that is a file where a folder is expected, or the reverse."""
    at.make("ConfigMap", "conf", data={"app.conf": "x"})
    mount = [{"name": "v", "mountPath": "/etc/passwd/app.conf", "subPath": "app.conf"}]
    at.pod("p", volumeMounts=mount, spec={"volumes": [{"name": "v", "configMap": {"name": "conf"}}]})
    _names(at, "p", "mount")


@case("explain", sibling_of=SIBLING)
def explain_says_that_a_pod_that_is_well_is_well(at: Place) -> None:
    at.pod("p")
    at.ready("p")
    _names(at, "p", "Running")


@case("explain", sibling_of=SIBLING)
def explain_names_a_working_directory_that_is_a_file(at: Place) -> None:
    at.pod("lost", workingDir="/etc/passwd")
    _names(at, "lost", "check workingDir of c: /etc/passwd", without="command and args")


@case("explain", sibling_of=SIBLING)
def explain_names_the_gates_of_readiness_and_of_scheduling(at: Place) -> None:
    at.pod("unread", spec={"readinessGates": [{"conditionType": "example.com/lb"}]})
    at.pod("held", spec={"schedulingGates": [{"name": "example.com/wait"}]})
    _names(at, "unread", "not Ready", "example.com/lb")
    _names(at, "held", "scheduling gates", "example.com/wait")
