"""What the node does with Pods (A1, A2, A9, A20 to A25), hooks and attaches."""

from __future__ import annotations

import contextlib
import subprocess

from field_place import Place, Raw, case, condition, owner, pod_spec

from podlab.errors import ApiError


def _status(pod: Raw, name: str = "c") -> Raw:
    rows = [
        *(pod["status"].get("initContainerStatuses") or ()),
        *(pod["status"].get("containerStatuses") or ()),
    ]
    return next((row for row in rows if row["name"] == name), {"state": {}})


@case("kubelet")
def a_termination_message_below_dev(at: Place) -> None:
    path = "/dev/termination-custom-log"
    pod = at.ended("p", "sh", "-c", f"echo -n DONE > {path}", terminationMessagePath=path,
                   securityContext={"runAsUser": 1000, "runAsNonRoot": True})  # fmt: skip
    assert _status(pod)["state"]["terminated"]["message"] == "DONE"


@case("kubelet", sibling_of="a termination message below dev")
def a_termination_message_of_an_init_container_below_dev_shm(at: Place) -> None:
    path = "/dev/shm/last-words"
    init = {"name": "i", "image": "busybox:1.36", "command": ["sh", "-c", f"echo -n FROM-INIT > {path}"],
            "terminationMessagePath": path}  # fmt: skip
    pod = at.ended("p", "true", spec={"initContainers": [init]})
    assert _status(pod, "i")["state"]["terminated"]["message"] == "FROM-INIT"


@case("kubelet", sibling_of="a termination message below dev")
def a_long_termination_message_is_cut(at: Place) -> None:
    """4096 bytes of a file; 2048 bytes, or 80 lines, of a log."""
    pod = at.ended("file", "sh", "-c", "yes x | head -c 9000 > /dev/termination-log")
    assert len(_status(pod)["state"]["terminated"]["message"]) == 4096
    pod = at.ended("log", "sh", "-c", "seq 1 200; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
    lines = _status(pod)["state"]["terminated"]["message"].splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("121", "200", 80)


@case("kubelet")
def a_volume_in_memory_has_the_group_of_the_pod(at: Place) -> None:
    script = "stat -c '%a %g' /m /m/sub; touch /m/f /s/f; stat -c %g /m/f /s/f"
    mounts = [{"name": "m", "mountPath": "/m"}, {"name": "m", "mountPath": "/s", "subPath": "sub"}]
    spec = {"securityContext": {"fsGroup": 123}, "volumes": [{"name": "m", "emptyDir": {"medium": "Memory"}}]}
    found = at.prints("p", "sh", "-c", script, volumeMounts=mounts, spec=spec)
    assert [row.split()[-1] for row in found] == ["123"] * 4
    assert found[0].split()[0] in ("2777", "3777")


@case("kubelet", sibling_of="a volume in memory has the group of the pod")
def files_of_a_secret_are_readable_by_the_group_of_the_pod(at: Place) -> None:
    """Their mode gets the bits of the group: 0400 turns 0440."""
    at.make("Secret", "s", stringData={"word": "x"})
    volumes = [{"name": "s", "secret": {"secretName": "s", "defaultMode": 0o400}}]
    found = at.prints("p", "stat", "-L", "-c", "%a %g", "/s/word", volumeMounts=[{"name": "s", "mountPath": "/s"}],
                      spec={"securityContext": {"fsGroup": 123}, "volumes": volumes})  # fmt: skip
    assert found == ["440 123"]


@case("kubelet")
def stdin_stays_open_without_stdinonce(at: Place) -> None:
    script = "while read line; do echo got $line; done; echo closed"
    at.pod("p", "sh", "-c", script, stdin=True, stdinOnce=False)
    at.running("p")
    for word in ("one", "two"):
        start = at.kubectl_line("attach", "-qi", "p")
        client = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            assert client.stdin is not None
            client.stdin.write(f"{word}\n")
            client.stdin.close()
            at.until(lambda word=word: f"got {word}" in at.log("p"))  # type: ignore[misc]
        finally:
            client.kill()
            client.wait()
    assert "closed" not in at.log("p")


@case("kubelet", sibling_of="stdin stays open without stdinonce")
def stdin_closes_after_the_first_client_with_stdinonce(at: Place) -> None:
    at.pod("p", "sh", "-c", "cat; echo closed", stdin=True, stdinOnce=True, spec={"restartPolicy": "Never"})
    at.running("p")
    at.kubectl("attach", "-qi", "p", stdin="hello\n")
    at.until(lambda: at.phase("p"), lambda found: found == "Succeeded")
    assert at.log("p").splitlines() == ["hello", "closed"]


@case("kubelet")
def the_user_of_a_container_is_in_its_status(at: Place) -> None:
    context = {"runAsUser": 1000, "runAsGroup": 3000, "supplementalGroups": [60000], "fsGroup": 4000}
    at.pod("p", spec={"securityContext": context}, volumeMounts=[])
    at.running("p")
    linux = _status(at.get("pods/p"))["user"]["linux"]
    assert (linux["uid"], linux["gid"]) == (1000, 3000)
    assert sorted(linux["supplementalGroups"]) == [3000, 4000, 60000]
    assert sorted(at.sh("p", "id -G").split()) == ["3000", "4000", "60000"]


@case("kubelet", sibling_of="the user of a container is in its status")
def a_user_without_a_group_belongs_to_root(at: Place) -> None:
    """A user whom the image does not know: its group is 0."""
    at.pod("p", securityContext={"runAsUser": 54321})
    at.running("p")
    linux = _status(at.get("pods/p"))["user"]["linux"]
    assert (linux["uid"], linux["gid"]) == (54321, 0)
    assert at.sh("p", "id -u; id -g").split() == ["54321", "0"]


@case("kubelet", sibling_of="the user of a container is in its status")
def a_container_that_must_not_be_root_and_is_is_not_started(at: Place) -> None:
    at.pod("p", securityContext={"runAsNonRoot": True})
    found = at.until(lambda: _status(at.get("pods/p"))["state"].get("waiting", {}),
                     lambda state: state.get("reason") == "CreateContainerConfigError")  # fmt: skip
    assert found["message"].startswith("container has runAsNonRoot and image will run as root (pod: ")


@case("API")
def names_of_sysctls_are_checked_when_a_pod_is_created(at: Place) -> None:
    rows = [
        {"name": "foo-", "value": "bar"},
        {"name": "kernel.shmmax", "value": "100000000"},
        {"name": "bar..", "value": "42"},
    ]
    said = at.refused("Pod", "p", pod_spec(spec={"securityContext": {"sysctls": rows}}))
    for place, name in ((0, "foo-"), (2, "bar..")):
        assert (
            f'spec.securityContext.sysctls[{place}].name: Invalid value: "{name}": must have at most 253 characters'
            in said
        )
    assert "sysctls[1]" not in said


@case("API", sibling_of="names of sysctls are checked when a pod is created")
def a_sysctl_twice_or_of_the_host_is_refused(at: Place) -> None:
    rows = [
        {"name": "kernel.shm_rmid_forced", "value": "1"},
        {"name": "kernel.shm_rmid_forced", "value": "0"},
    ]
    said = at.refused("Pod", "p", pod_spec(spec={"securityContext": {"sysctls": rows}}))
    assert 'spec.securityContext.sysctls[1].name: Duplicate value: "kernel.shm_rmid_forced"' in said
    rows = [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]
    said = at.refused("Pod", "p", pod_spec(spec={"hostNetwork": True, "securityContext": {"sysctls": rows}}))
    assert "may not be specified when 'hostNetwork' is true" in said


@case("kubelet")
def a_pod_for_windows_is_refused_by_the_node(at: Place) -> None:
    at.make("Pod", "p", pod_spec(spec={"os": {"name": "windows"}, "nodeName": at.node()}))
    at.until(lambda: at.phase("p"), lambda found: found == "Failed")
    assert at.get("pods/p")["status"]["reason"] == "PodOSNotSupported"


@case("kubelet", sibling_of="a pod for windows is refused by the node")
def a_pod_whose_selector_the_node_does_not_match_is_refused_by_it(at: Place) -> None:
    """It was bound by hand; the words are the kubelet's."""
    at.pod("p", spec={"nodeSelector": {"no-such": "label"}, "nodeName": at.node()})
    at.until(lambda: at.phase("p"), lambda found: found == "Failed")
    status = at.get("pods/p")["status"]
    assert (status["reason"], status["message"].startswith("Pod was rejected: ")) == ("NodeAffinity", True)


@case("kubelet", sibling_of="a pod for windows is refused by the node")
def a_pod_for_linux_may_not_name_windows_options(at: Place) -> None:
    body = {"os": {"name": "linux"}, "securityContext": {"windowsOptions": {"runAsUserName": "x"}}}
    said = at.refused("Pod", "p", pod_spec(spec=body))
    assert (
        "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"
        in said
    )


@case("kubelet")
def an_unschedulable_pod_has_the_generation_that_was_looked_at(at: Place) -> None:
    at.pod("p", resources={"requests": {"cpu": "1000000000000"}})
    found = at.until(lambda: condition(at.get("pods/p"), "PodScheduled"))
    assert (found["reason"], found["observedGeneration"]) == ("Unschedulable", 1)
    assert "0/1 nodes are available: 1 Insufficient cpu." in found["message"]


@case("kubelet")
def a_token_belongs_to_the_user_of_the_pod(at: Place) -> None:
    volumes = [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]
    given = {"volumeMounts": [{"name": "t", "mountPath": "/t"}]}
    look = ["stat", "-L", "-c", "%a %u %g", "/t/token"]
    user = at.prints("u", *look, spec={"volumes": volumes}, securityContext={"runAsUser": 1000}, **given)
    assert user[0].split()[:2] == ["600", "1000"]
    group = at.prints("g", *look, spec={"volumes": volumes, "securityContext": {"fsGroup": 123}}, **given)
    assert (group[0].split()[0], group[0].split()[2]) in (("640", "123"), ("660", "123"))
    assert at.prints("n", *look, spec={"volumes": volumes}, **given)[0].split()[0] == "644"


@case("kubelet", sibling_of="a token belongs to the user of the pod")
def a_token_for_two_users_is_readable_by_both(at: Place) -> None:
    """Two containers with different users: nobody owns it, so all may read it."""
    volumes = [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]
    mount = [{"name": "t", "mountPath": "/t"}]
    init = {"name": "i", "image": "busybox:1.36", "command": ["cat", "/t/token"], "volumeMounts": mount,
            "securityContext": {"runAsUser": 2000}}  # fmt: skip
    both = {"volumes": volumes, "initContainers": [init]}
    user = {"securityContext": {"runAsUser": 1000}, "volumeMounts": mount}
    found = at.prints("p", "stat", "-L", "-c", "%a", "/t/token", spec=both, **user)
    assert found == ["644"]


@case("kubelet")
def seccomp_of_the_runtime_is_on(at: Place) -> None:
    seccomp = {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}
    assert at.prints("p", "grep", "Seccomp:", "/proc/self/status", **seccomp) == ["Seccomp:\t2"]


@case("kubelet")
def what_is_asked_for_and_not_given_is_said(at: Place) -> None:
    asks: dict[str, Raw] = {
        "privileged": pod_spec(securityContext={"privileged": True}),
        "hostpid": pod_spec(spec={"hostPID": True}),
        "hostipc": pod_spec(spec={"hostIPC": True}),
        "capability": pod_spec(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
    }
    for name, spec in asks.items():
        at.make("Pod", name, spec)
    for name in asks:
        at.until(lambda name=name: at.events("NotGranted", name=name))  # type: ignore[misc]


@case("kubelet", sibling_of="what is asked for and not given is said")
def a_capability_of_an_init_container_or_of_all_is_said(at: Place) -> None:
    init = {
        "name": "i",
        "image": "busybox:1.36",
        "command": ["true"],
        "securityContext": {"capabilities": {"add": ["SYS_TIME"]}},
    }
    at.pod("init", spec={"initContainers": [init]})
    at.pod("all", securityContext={"capabilities": {"add": ["ALL"]}})
    at.pod("default", securityContext={"capabilities": {"add": ["CHOWN"]}})
    for name in ("init", "all"):
        at.until(lambda name=name: at.events("NotGranted", name=name))  # type: ignore[misc]
    at.running("default")
    assert at.events("NotGranted", name="default") == []


@case("kubelet", sibling_of="what is asked for and not given is said")
def recursive_read_only_is_refused_where_the_node_cannot(at: Place) -> None:
    mount = [{"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Enabled"}]
    at.pod("p", volumeMounts=mount, spec={"volumes": [{"name": "v", "emptyDir": {}}]})
    at.until(lambda: _status(at.get("pods/p"))["state"].get("waiting", {}).get("reason"),
             lambda reason: reason == "CreateContainerConfigError")  # fmt: skip


@case("kubelet")
def variables_with_odd_names_are_given(at: Place) -> None:
    at.make("ConfigMap", "odd", data={"data-1": "value-1"})
    row = {"envFrom": [{"configMapRef": {"name": "odd"}}, {"prefix": "$_-", "configMapRef": {"name": "odd"}}],
           "env": [{"name": "!\"#$%&'()", "value": "v"}]}  # fmt: skip
    at.ended("p", "cat", "/proc/self/environ", **row)
    assert {"data-1=value-1", "$_-data-1=value-1", "!\"#$%&'()=v"} <= set(at.log("p").split("\0"))


@case("kubelet")
def a_hook_is_over_when_its_child_lets_go_of_the_output(at: Place) -> None:
    def hook(script: str) -> Raw:
        return {"postStart": {"exec": {"command": ["sh", "-c", script]}}}

    at.pod("held", lifecycle=hook("sleep 25 & echo started"))
    at.pod("free", lifecycle=hook("sleep 600 >/dev/null 2>&1 & echo started"))
    at.running("free")
    assert at.phase("held") == "Pending"


@case("kubelet", sibling_of="a hook is over when its child lets go of the output")
def a_probe_whose_child_keeps_the_output_fails_at_its_limit(at: Place) -> None:
    probe = {"exec": {"command": ["sh", "-c", "sleep 600 & true"]}, "timeoutSeconds": 1, "periodSeconds": 1}
    at.pod("p", readinessProbe=probe)
    at.running("p")
    found = at.until(lambda: at.events("Unhealthy", name="p"))
    assert "timed out" in found[0]["message"] or "timeout" in found[0]["message"]
    assert condition(at.get("pods/p"), "Ready")["status"] == "False"


@case("kubelet", sibling_of="a hook is over when its child lets go of the output")
def the_output_of_a_child_belongs_to_an_exec(at: Place) -> None:
    at.pod("p")
    at.running("p")
    assert at.sh("p", "(sleep 2; echo child) & echo shell") == "shell\nchild\n"


@case("kubelet")
def a_short_command_by_kubectl_run_loses_nothing(at: Place) -> None:
    wanted = [str(number) for number in range(1, 2001)]
    for number in range(4):
        words = [
            "run",
            "-q",
            "--rm",
            "-i",
            "--restart=Never",
            f"short-{number}",
            "--image=busybox:1.36",
            "--",
        ]
        done = at.kubectl(*words, "seq", "1", "2000")
        lines = done.stdout.split()
        if at.cluster.driver == "kind" and "falling back to streaming logs" in done.stderr:
            lines = lines[: len(wanted)]  # kubectl prints the log twice where it comes too late to attach
        assert (done.returncode, lines) == (0, wanted), done.stderr


@case("kubelet", sibling_of="a short command by kubectl run loses nothing")
def an_attach_to_a_container_that_has_ended_is_refused(at: Place) -> None:
    at.ended("p", "true")
    done = at.kubectl("attach", "p")
    assert done.returncode != 0
    assert "cannot attach" in done.stderr


@case("kubelet", sibling_of="a short command by kubectl run loses nothing")
def the_exit_code_of_a_short_command_is_that_of_kubectl_run(at: Place) -> None:
    words = ["run", "-q", "--rm", "-i", "--restart=Never", "short", "--image=busybox:1.36", "--"]
    done = at.kubectl(*words, "sh", "-c", "echo out; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n")


@case("kubelet")
def an_init_container_waits_for_a_job_that_its_account_may_see(at: Place) -> None:
    script = (
        "import json, ssl, time, urllib.request as u\n"
        "d = '/var/run/secrets/kubernetes.io/serviceaccount/'\n"
        "tls, ns = ssl.create_default_context(cafile=d + 'ca.crt'), open(d + 'namespace').read()\n"
        "url = f'https://kubernetes.default.svc/apis/batch/v1/namespaces/{ns}/jobs/migrate'\n"
        "while True:\n"
        "    try:\n"
        "        ask = u.Request(url, headers={'Authorization': 'Bearer ' + open(d + 'token').read()})\n"
        "        if json.load(u.urlopen(ask, context=tls))['status'].get('succeeded'): break\n"
        "    except Exception as error:\n"
        "        print(json.load(error)['message'] if hasattr(error, 'read') else error, flush=True)\n"
        "    time.sleep(0.2)\n"
    )
    at.make("ServiceAccount", "waiter")
    init = {"name": "wait", "image": "python:3.11-slim", "command": ["python", "-c", script]}
    at.pod("shop", spec={"serviceAccountName": "waiter", "initContainers": [init]})

    def printed(words: str) -> bool:
        with contextlib.suppress(ApiError):  # no log before it has started
            return words in at.log("shop", container="wait")
        return False

    user = f'User "system:serviceaccount:{at.namespace}:waiter"'
    at.until(lambda: printed(f'{user} cannot get resource "jobs" in API group "batch"'))
    at.make("Role", "sees", rules=[{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}])
    at.make("RoleBinding", "sees", roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sees"},
            subjects=[{"kind": "ServiceAccount", "name": "waiter"}])  # fmt: skip
    at.until(lambda: printed('jobs.batch "migrate" not found'))
    at.make("Job", "migrate", {"template": {"spec": pod_spec("true", spec={"restartPolicy": "Never"})}})
    at.running("shop")


@case("kubelet", sibling_of="variables with odd names are given")
def a_file_of_the_image_is_a_volume(at: Place) -> None:
    """An image as a volume, read-only."""
    volumes = [{"name": "v", "image": {"reference": "busybox:1.36", "pullPolicy": "IfNotPresent"}}]
    script = "ls /v/bin/busybox /v/bin/sh | head -1 | wc -l; touch /v/x 2>&1 | grep -c 'Read-only'"
    found = at.prints(
        "p", "sh", "-c", script, volumeMounts=[{"name": "v", "mountPath": "/v"}], spec={"volumes": volumes}
    )
    assert found == ["1", "1"]


@case("kubelet", sibling_of="variables with odd names are given")
def variables_that_double_themselves_are_bounded(at: Place) -> None:
    rows = [{"name": "A0", "value": "x" * 64}]
    rows += [{"name": f"A{n}", "value": f"$(A{n - 1})$(A{n - 1})"} for n in range(1, 41)]
    at.pod("p", env=rows)
    at.until(lambda: _status(at.get("pods/p"))["state"].get("waiting", {}).get("reason"),
             lambda reason: reason not in (None, "ContainerCreating"))  # fmt: skip
    assert at.ask("GET", "/readyz").code == 200


@case("kubelet", sibling_of="an unschedulable pod has the generation that was looked at")
def the_conditions_of_a_running_pod_have_the_generation(at: Place) -> None:
    at.pod("p")
    at.ready("p")
    rows = at.get("pods/p")["status"]["conditions"]
    assert {row["type"]: row.get("observedGeneration") for row in rows} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), 1
    )
    assert owner(at.get("pods/p")) is None
