"""Each trap is found where it lies, and an ordinary Pod has none."""

from __future__ import annotations

import pytest

from podlab.manifests import lint, load

GOOD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
    - name: side
      image: busybox:1.36
      restartPolicy: Always
      command: [sh, -c, 'while true; do sleep 1; done']
  containers:
    - name: app
      image: busybox:1.36
      command: [sh, -c, 'exec serve $HOME']
"""


def rules(text: str, server: str = "v1.36.3") -> list[str]:
    """Return the names of the traps in the only object of *text*."""
    return [finding.rule for finding in lint(load(text)[0], server=server)]


def test_a_good_pod_has_no_trap() -> None:
    assert rules(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("restartPolicy: Always", "restartPolicy: always", "small-letters"),
        ("restartPolicy: Always", "restartPolicy: OnFailure", "init-policy"),
        ("  containers:\n", "  sidecarContainers: []\n  containers:\n", "own-list"),
        ("      restartPolicy: Always\n", "", "endless-init"),
        ("restartPolicy: Always", "readinessProbe: {}", "probe-on-init"),
        ("name: app\n", "name: app\n      restartPolicy: Always\n", "app-restart-policy"),
        ("name: app\n", "name: side\n", "same-name"),
        ("name: app\n", "name: app\n      volumeMounts: [{name: data, mountPath: /d}]\n", "unknown-volume"),
        ("name: app\n", "name: app\n      ports: [{containerPort: 80, hostPort: 80}]\n", "host-port"),
        ("busybox:1.36\n      command: [sh, -c, 'exec", "busybox\n      command: [sh, -c, 'exec", "latest"),
        ("[sh, -c, 'exec serve $HOME']", "[echo, $HOME]", "no-shell"),
    ],
)
def test_a_trap_is_found(old: str, new: str, rule: str) -> None:
    assert old in GOOD

    assert rule in rules(GOOD.replace(old, new, 1))


def test_a_field_that_old_servers_drop_is_an_error_only_there() -> None:
    text = GOOD.replace("name: app\n", "name: app\n      restartPolicy: Never\n")

    levels = {server: lint(load(text)[0], server=server)[0].level for server in ("v1.34.4", "v1.36.3")}

    assert levels == {"v1.34.4": "error", "v1.36.3": "warning"}


@pytest.mark.parametrize(
    ("server", "verb"), [("v1.29.15", "refuses"), ("v1.33.0", "refuses"), ("v1.34.4", "drops")]
)
def test_what_an_older_server_does_to_a_containers_own_policy_is_said_exactly(server: str, verb: str) -> None:
    """1.29 to 1.33 refuse it, 1.34 alone drops it (validation.go and pod/util.go of these releases)."""
    of_app = GOOD.replace("name: app\n", "name: app\n      restartPolicy: Never\n")
    of_init = GOOD.replace("restartPolicy: Always", "restartPolicy: OnFailure", 1)

    for text in (of_app, of_init):
        assert f"a {server} server {verb}" in lint(load(text)[0], server=server)[0].text


def test_the_lesson_s_sidecar_shares_with_nobody() -> None:
    text = """
apiVersion: v1
kind: Pod
metadata: {name: sidecar-example}
spec:
  containers:
    - {name: app-container, image: 'my-app:latest'}
    - name: log-collector
      image: fluentd:latest
      volumeMounts: [{name: shared-logs, mountPath: /var/log/app}]
  volumes: [{name: shared-logs, emptyDir: {}}]
"""

    assert rules(text) == ["latest", "latest", "lonely-volume"]


def test_nonsense_is_skipped_not_raised() -> None:
    for spec in (
        3,
        [],
        {"containers": 3},
        {"containers": [3, {"ports": "x", "command": 1, "restartPolicy": []}]},
    ):
        lint({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec})
