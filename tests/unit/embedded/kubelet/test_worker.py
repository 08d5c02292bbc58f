"""The kubelet around one Pod, on scripted containers and simulated time: what reaches the store, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from podlab.embedded.kubelet import admithandlers, evictionmanager, nodehealth
from podlab.embedded.runtime import RuntimeFault
from podlab.simulation.simulate import Simulation

Json = dict[str, Any]
ACTION = Callable[[Simulation], None]


def pod(*apps: Json, policy: str = "Always", inits: tuple[Json, ...] = (), **spec: Any) -> Json:
    """A manifest."""
    groups = [
        [{"image": "busybox:1.36", **c} for c in group] for group in (inits, apps or ({"name": "app"},))
    ]
    fields = {"restartPolicy": policy, "initContainers": groups[0], "containers": groups[1], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": fields}


def simulated(
    manifest: Json, script: Json | None = None, *, objects: tuple[Json, ...] = (), pace: str = "prompt"
) -> Simulation:
    """A simulation to be given steps."""
    return Simulation(manifest, script, objects=objects, seed=0, pace=pace)


def events(simulation: Simulation, reason: str = "") -> list[Json]:
    """The Events in the store."""
    return [e for e in simulation.store.list("events") if not reason or e["reason"] == reason]


def texts(simulation: Simulation) -> list[str]:
    """``Normal Killing: Stopping container app`` of the kubelet's Events, in the order of their first time."""
    found = [e for e in events(simulation) if e["source"]["component"] == "kubelet"]
    ordered = sorted(found, key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
    return [f"{e['type']} {e['reason']}: {e['message']}" for e in ordered]


PULLED = (
    'Normal Pulled: Container image "busybox:1.36" already present on machine and can be accessed by the pod'
)
STARTED = [PULLED, "Normal Created: Container created", "Normal Started: Container started"]


def test_a_start_leaves_three_events_of_its_container() -> None:
    """They name it by its field."""
    simulation = simulated(pod())

    simulation.run(5)

    assert texts(simulation) == STARTED
    (started,) = events(simulation, "Started")
    assert started["involvedObject"]["fieldPath"] == "spec.containers{app}"


def test_a_dead_sandbox_is_made_anew_with_all_its_containers() -> None:
    """The init containers run again, and all keep counting: no count that was told goes down."""
    simulation = simulated(
        pod(inits=({"name": "i1"}, {"name": "i2"})), {"i1": {"runs_s": 1}, "i2": {"runs_s": 1}}
    )
    phases: list[str] = []
    simulation.store.watch("pods", lambda _, p: phases.append(p["status"]["phase"]))
    simulation.at(5, _kill_sandbox)

    simulation.run(20)

    status = simulation.pod()["status"]  # type: ignore[index]
    counts = [s["restartCount"] for s in (*status["initContainerStatuses"], *status["containerStatuses"])]
    assert counts == [1, 1, 1]
    assert "Pending" in phases[phases.index("Running") :]
    assert phases[-1] == "Running"
    assert len(events(simulation, "SandboxChanged")) == 1


def _kill_sandbox(simulation: Simulation) -> None:
    runtime = simulation.runtime
    (sandbox,) = runtime.view(simulation.uid)[0]
    simulation.loop.create_task(runtime.stop_sandbox(sandbox.id))


def test_a_volume_that_is_missing_keeps_everything_back_until_the_pod_is_deleted() -> None:
    """There is no sandbox, and the wait is given up at once."""
    mount = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "secret": {"secretName": "no"}}]
    simulation = simulated(pod({"name": "app", "volumeMounts": mount}, volumes=volumes))
    simulation.at(5, lambda s: s.delete())

    recording = simulation.run(60)

    assert texts(simulation) == [
        'Warning FailedMount: MountVolume.SetUp failed for volume "v" : secret "no" not found'
    ]
    (failed,) = events(simulation, "FailedMount")
    assert failed["count"] == 4  # at 0, 0.5, 1.5 and 3.5 s
    gone = next(o for o in recording.observations if o.get("type") == "DELETED")
    assert 5 <= gone["t"] < 5.5
    ended = gone["object"]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], gone["object"]["status"]["phase"]) == ("ContainerStatusUnknown", "Failed")


def test_a_pull_is_given_up_when_the_pod_is_deleted() -> None:
    """Nobody waits for an image that is not needed any more."""
    simulation = simulated(pod(), {"app": {"pull_s": 1000}})
    simulation.at(5, lambda s: s.delete())

    recording = simulation.run(60)

    assert recording.end_reason == "gone"
    assert next(o["t"] for o in recording.observations if o.get("type") == "DELETED") < 6


def test_a_finalizer_keeps_the_object_and_not_the_containers() -> None:
    """It goes when the last finalizer is taken away."""
    manifest = pod()
    manifest["metadata"]["finalizers"] = ["example.com/wait"]
    simulation = simulated(manifest, {"app": {"on_term": 0.1}})
    simulation.at(5, lambda s: s.delete())
    seen: Json = {}
    simulation.at(8, lambda s: seen.update(s.pod()["status"]))  # type: ignore[index]
    simulation.at(10, lambda s: s.change(lambda p: p["metadata"].pop("finalizers")))

    recording = simulation.run(60)

    assert seen["phase"] == "Succeeded"
    assert next(round(o["t"]) for o in recording.observations if o.get("type") == "DELETED") == 10


def test_a_pod_that_does_not_fit_is_refused_by_the_node() -> None:
    """No container is made, and the reason is the resource."""
    resources = {"requests": {"cpu": "17"}}
    simulation = simulated(pod({"name": "app", "resources": resources}))

    recording = simulation.run(10)

    status = simulation.pod()["status"]  # type: ignore[index]
    numbers = "cpu, requested: 17000, used: 0, capacity: 16000"
    assert (recording.end_reason, status["reason"]) == ("Failed", "OutOfcpu")
    assert status["message"] == f"Pod was rejected: Node didn't have enough resource: {numbers}"
    assert texts(simulation) == [f"Warning OutOfcpu: Node didn't have enough resource: {numbers}"]


@pytest.mark.parametrize(
    ("spec", "reason", "text"),
    [
        (
            {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            "SysctlForbidden",
            'forbidden sysctl: "kernel.msgmax" not allowlisted',
        ),
        (
            {"os": {"name": "windows"}},
            "PodOSNotSupported",
            "Failed to admit pod as the OS field doesn't match node OS",
        ),
        (
            {"nodeSelector": {"disk": "fast"}},
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
    ],
)
def test_a_pod_that_the_node_may_not_run_is_refused(spec: Json, reason: str, text: str) -> None:
    """Before anything is made for it."""
    simulation = simulated(pod(**spec))

    recording = simulation.run(10)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert (recording.end_reason, status["reason"], status["message"]) == (
        "Failed",
        reason,
        f"Pod was rejected: {text}",
    )
    assert texts(simulation) == [f"Warning {reason}: {text}"]


def test_a_node_refuses_the_hosts_sysctls_like_the_api() -> None:
    """The API server refuses such a Pod first; a kubelet looks again."""
    sysctls = [{"name": "net/ipv4/tcp_syncookies", "value": "1"}]
    asked = pod(hostNetwork=True, securityContext={"sysctls": sysctls})

    assert admithandlers.refusal(asked, (), {}) == (
        "SysctlForbidden",
        'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
    )


def test_a_sandbox_that_cannot_be_made_is_tried_again() -> None:
    """The Pod stays Pending meanwhile."""
    simulation = simulated(pod())
    real, faults = simulation.runtime.start_sandbox, [RuntimeFault("Failed", "no free address")]

    async def flaky(config: Any) -> Any:
        if faults:
            raise faults.pop()
        return await real(config)

    simulation.runtime.start_sandbox = flaky  # type: ignore[method-assign]

    simulation.run(30)

    assert texts(simulation) == [
        "Warning FailedCreatePodSandBox: Failed to create pod sandbox: no free address",
        *STARTED,
    ]


def test_a_flood_of_events_is_cut_at_twenty_five() -> None:
    """Counts stop with it, in silence; one more comes each five minutes."""
    names = [f"app{i}" for i in range(6)]
    crashing = {name: {"runs_s": 1, "exit_code": 1} for name in names}
    simulation = simulated(pod(*({"name": name} for name in names)), crashing)

    simulation.run(250)

    found = [e for e in events(simulation) if e["source"]["component"] == "kubelet" and e["type"] == "Normal"]
    assert sum(e["count"] for e in found) == 25


def test_labels_and_status_of_others_restart_nothing() -> None:
    """A readiness gate that somebody sets makes the Pod Ready."""
    simulation = simulated(pod(readinessGates=[{"conditionType": "a.b/x"}]))
    gate = {"type": "a.b/x", "status": "True"}
    simulation.at(5, lambda s: s.change(lambda p: p["metadata"].update(labels={"a": "b"})))
    simulation.at(6, lambda s: s.change(lambda p: p["status"]["conditions"].append(gate)))

    simulation.run(10)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "True"
    assert texts(simulation) == STARTED


def test_an_ephemeral_container_joins_a_running_pod() -> None:
    """It is started once and the Pod goes on."""
    simulation = simulated(pod())
    debug = {"name": "debug", "image": "busybox:1.36", "terminationMessagePath": "/dev/termination-log"}
    simulation.at(5, lambda s: s.change(lambda p: p["spec"].update(ephemeralContainers=[debug])))

    simulation.run(20)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert "running" in status["ephemeralContainerStatuses"][0]["state"]
    assert status["phase"] == "Running"


@pytest.mark.parametrize("pace", ["prompt", "kubelet"])
def test_a_config_map_reaches_its_container_when_it_comes(pace: str) -> None:
    """At once, or at the next sync of a real kubelet."""
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "k"}}}]
    made = {"metadata": {"name": "late", "namespace": "simulated"}, "data": {"k": "v"}}
    simulation = simulated(pod({"name": "app", "env": env}), pace=pace)
    simulation.at(4, lambda s: s.store.create("configmaps", made))
    starts: list[float] = []
    simulation.store.watch(
        "events", lambda _, e: starts.append(simulation.loop.time()) if e["reason"] == "Started" else None
    )

    simulation.run(40)

    assert len(starts) == 1
    assert (starts[0] < 4.1) == (pace == "prompt")
    assert 'Warning Failed: Error: configmap "late" not found' in texts(simulation)
    (status,) = simulation.pod()["status"]["containerStatuses"]  # type: ignore[index]
    assert status["restartCount"] == 0, "what was never made is not counted"


def test_a_force_delete_still_gives_the_container_two_seconds() -> None:
    """The object is gone at once."""
    simulation = simulated(pod(terminationGracePeriodSeconds=10))
    simulation.at(5, lambda s: s.delete(0))

    recording = simulation.run(20)

    gone = next(o["t"] for o in recording.observations if o.get("type") == "DELETED")
    ended = next(o["t"] for o in recording.observations if o.get("event") == "exit")
    assert gone == 5
    assert 7 <= ended < 7.1


def test_a_fault_in_the_work_on_one_pod_is_told() -> None:
    """It is an Event, and ends nothing else."""
    simulation = simulated(pod())

    async def broken(config: Any) -> Any:
        raise ZeroDivisionError

    simulation.runtime.start_sandbox = broken  # type: ignore[method-assign]

    simulation.run(5)

    assert texts(simulation) == ["Warning FailedSync: error syncing pod: ZeroDivisionError()"]


def test_a_fault_that_passes_is_got_over() -> None:
    """A full disk, for instance: the container starts once there is room."""
    simulation = simulated(pod())
    begin, faults = simulation.kubelet.services.files.begin_log, [OSError(28, "No space left on device")]

    def full(*args: Any) -> Any:
        if faults:
            raise faults.pop()
        return begin(*args)

    simulation.kubelet.services.files.begin_log = full  # type: ignore[method-assign]

    simulation.run(30)

    why = "failed to create container files: [Errno 28] No space left on device"
    assert f"Warning Failed: Error: {why}" in texts(simulation)
    assert texts(simulation)[-1] == "Normal Started: Container started"


def test_a_volume_that_outgrows_its_limit_evicts_its_pod() -> None:
    """With one second of grace, and for good."""
    mount = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "5Mi"}}]
    simulation = simulated(pod({"name": "app", "volumeMounts": mount}, volumes=volumes))
    simulation.at(15, lambda s: setattr(s.volumes, "used_bytes", lambda *_: 6 << 20))

    recording = simulation.run(60)

    status = simulation.pod()["status"]  # type: ignore[index]
    text = 'Usage of EmptyDir volume "v" exceeds the limit "5Mi". '
    assert (recording.end_reason, status["reason"], status["message"]) == ("Failed", "Evicted", text)
    assert f"Warning Evicted: {text}" in texts(simulation)
    # Only a node that is short of something says DisruptionTarget: here the Pod itself is to blame.
    assert "DisruptionTarget" not in [c["type"] for c in status["conditions"]]


@pytest.mark.parametrize(
    ("written", "in_volumes", "text"),
    [
        ({"app": 4 << 20, "two": 4 << 20}, 1 << 20, None),
        (
            {"app": 4 << 20, "two": 4 << 20},
            3 << 20,
            "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
        ),
        (
            {"app": 6 << 20, "two": 0, "free": 1 << 20},
            0,
            'Container app exceeded its local ephemeral storage limit "5Mi". ',
        ),
    ],
)
def test_ephemeral_storage_is_limited_for_the_pod_and_for_each_container(
    written: dict[str, int], in_volumes: int, text: str | None
) -> None:
    """The limits together bind all containers and emptyDirs."""
    assert evictionmanager.over({"app": "5Mi", "two": "5Mi"}, written, in_volumes) == text


def test_a_container_that_writes_too_much_evicts_its_pod() -> None:
    """Into its own root, or its logs."""
    simulation = simulated(pod({"name": "app", "resources": {"limits": {"ephemeral-storage": "5Mi"}}}))

    async def written(_: str) -> int:
        return 6 << 20

    simulation.at(15, lambda s: setattr(s.runtime, "written_bytes", written))

    recording = simulation.run(60)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert (recording.end_reason, status["reason"]) == ("Failed", "Evicted")
    assert (
        status["message"] == "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. "
    )


def used(name: str, *, mib: int, request: str = "0", priority: int = 0) -> evictionmanager.Usage:
    """The disk that one Pod takes."""
    container = {"name": "app", "resources": {"requests": {"ephemeral-storage": request}}}
    found = {"metadata": {"name": name}, "spec": {"containers": [container], "priority": priority}}
    return evictionmanager.Usage(found, {"app": mib << 20}, 0)


@pytest.mark.parametrize(
    ("usages", "name"),
    [
        ([used("small", mib=20), used("large", mib=30)], "large"),
        ([used("asked", mib=90, request="100Mi"), used("beyond", mib=20)], "beyond"),
        ([used("dear", mib=90, priority=10), used("cheap", mib=20)], "cheap"),
        ([used("most-beyond", mib=60, request="10Mi"), used("large", mib=80, request="70Mi")], "most-beyond"),
        ([used("critical", mib=90, priority=2_000_000_000), used("tiny", mib=1)], None),
    ],
)
def test_a_full_disk_evicts_as_the_kubelet_ranks_pods(
    usages: list[evictionmanager.Usage], name: str | None
) -> None:
    """Beyond its requests first, then by priority, then the largest; one that makes no room stays."""
    found = evictionmanager.first_to_go(usages, 16 << 20)
    assert (found and found.pod["metadata"]["name"]) == name


def test_a_full_disk_evicts_the_pod_that_fills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = simulated(pod())

    async def written(_: str) -> int:
        return 20 << 20

    def fill(s: Any) -> None:
        s.runtime.written_bytes = written
        s.kubelet.services.folder = "/"
        monkeypatch.setattr(nodehealth, "full", lambda *_: "0 MiB are free")

    simulation.at(15, fill)
    recording = simulation.run(60)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert (recording.end_reason, status["reason"]) == ("Failed", "Evicted")
    assert status["message"] == (
        "The node was low on resource: ephemeral-storage. Container app was using 20Mi, request is 0, has larger "
        "consumption of ephemeral-storage. "
    )


@pytest.mark.parametrize(("code", "ended"), [(0, ("Succeeded", None)), (143, ("Failed", "Evicted"))])
def test_exit_codes_have_the_last_word_on_an_evicted_pod(code: int, ended: tuple[str, str | None]) -> None:
    """It is Failed only for as long as its containers do not say otherwise; and its logs go with them."""
    app = {"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "5Mi"}}]
    simulation = simulated(pod(app, volumes=volumes), {"app": {"on_term": 0, "term_code": code}})
    simulation.at(15, lambda s: setattr(s.volumes, "used_bytes", lambda *_: 6 << 20))

    simulation.run(60)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert (status["phase"], status.get("reason")) == ended
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
    assert not simulation.runtime.view(simulation.pod()["metadata"]["uid"])[1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("init", "state"), [({}, "waiting"), ({"restartPolicy": "Always"}, "terminated")], ids=["init", "sidecar"]
)
def test_an_init_container_that_ends_because_it_was_told_to_initialises_nothing(
    init: Json, state: str
) -> None:
    """The app waits to the last, as it does not beside a sidecar that had started. Seen on a real cluster."""
    hook = {"lifecycle": {"postStart": {"exec": {"command": ["sleep", "4"]}}}} if init else {}
    manifest = pod(inits=({"name": "prepare", **init, **hook},))
    script = {"prepare": {"on_term": 0, "term_code": 0, "runs_s": None, "post_start_s": 4}}
    simulation = simulated(manifest, script)
    last: list[Json] = []
    simulation.store.watch("pods", lambda _, p: last.append(p))
    simulation.at(3, lambda s: s.delete())

    simulation.run(30)

    ended = last[-1]["status"]
    assert ended["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert (list(ended["containerStatuses"][0]["state"]), ended["phase"]) == ([state], "Failed")


def test_a_seccomp_profile_that_the_node_lacks_keeps_the_container_back() -> None:
    """In containerd's words."""
    profile = {"seccompProfile": {"type": "Localhost", "localhostProfile": "none.json"}}
    simulation = simulated(pod({"name": "app", "securityContext": profile}))

    simulation.run(5)

    path = "/var/lib/kubelet/seccomp/none.json"
    text = f'cannot load seccomp profile "{path}": open {path}: no such file or directory'
    assert f"Warning Failed: Error: failed to create containerd container: {text}" in texts(simulation)
    state = simulation.pod()["status"]["containerStatuses"][0]["state"]  # type: ignore[index]
    assert state["waiting"]["reason"] == "CreateContainerError"


def test_missing_pull_secrets_are_told_and_do_no_harm() -> None:
    """The image may be present without them."""
    simulation = simulated(pod(imagePullSecrets=[{"name": "a"}, {"name": "b"}]))

    simulation.run(5)

    text = "Unable to retrieve some image pull secrets (a, b); attempting to pull the image may not succeed."
    assert f"Warning FailedToRetrieveImagePullSecret: {text}" in texts(simulation)
    assert texts(simulation)[-1] == "Normal Started: Container started"


def test_an_ephemeral_container_without_an_image_says_what_it_waits_for() -> None:
    """And the Pod goes on."""
    simulation = simulated(pod())
    debug = {"name": "debug", "image": "No//Such"}
    simulation.at(2, lambda s: s.change(lambda p: p["spec"].update(ephemeralContainers=[debug])))

    simulation.run(5)

    status = simulation.pod()["status"]  # type: ignore[index]
    assert status["ephemeralContainerStatuses"][0]["state"]["waiting"]["reason"] == "InvalidImageName"
    assert status["phase"] == "Running"


def test_an_ephemeral_container_whose_target_never_ran_is_not_made() -> None:
    """It says what is missing and is tried again."""
    simulation = simulated(pod(inits=({"name": "slow"},)))
    debug = {"name": "debug", "image": "busybox:1.36", "targetContainerName": "app"}
    simulation.at(2, lambda s: s.change(lambda p: p["spec"].update(ephemeralContainers=[debug])))

    simulation.run(5)

    (status,) = simulation.pod()["status"]["ephemeralContainerStatuses"]  # type: ignore[index]
    text = "unable to find target container app"
    assert status["state"] == {"waiting": {"reason": "CreateContainerConfigError", "message": text}}
    assert f"Warning Failed: Error: {text}" in texts(simulation)


@pytest.mark.parametrize("pace", ["prompt", "kubelet"])
def test_why_a_container_does_not_start_is_shown_within_seconds(pace: str) -> None:
    """At the pace of a kubelet by the sync that the new sandbox causes, not by the next try."""
    simulation = simulated(pod({"name": "app", "image": "No//Such"}), pace=pace)

    recording = simulation.run(3)

    status = recording.last()["status"]
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "InvalidImageName"


@pytest.mark.parametrize(("pace", "at_least_s"), [("prompt", 2.5), ("kubelet", 9.0)])
def test_the_end_of_a_crashed_container_is_shown_before_its_back_off(pace: str, at_least_s: float) -> None:
    """Error for long enough to be seen, then CrashLoopBackOff until the next start, as the traces of kind show them."""
    simulation = simulated(pod(), {"app": {"runs_s": 1, "exit_code": 1}}, pace=pace)
    seen: list[tuple[str, float]] = []

    def note(_: str, changed: Json) -> None:
        for status in (changed.get("status") or {}).get("containerStatuses") or ():
            state, body = next(iter(status["state"].items()))
            word = body.get("reason", state)
            if not seen or seen[-1][0] != word:
                seen.append((word, simulation.loop.time()))

    simulation.store.watch("pods", note)

    simulation.run(60)

    words = [word for word, _ in seen]
    assert words[:8] == [
        "ContainerCreating", "running", "Error", "running", "Error", "CrashLoopBackOff", "running", "Error"
    ]  # fmt: skip
    assert seen[5][1] - seen[4][1] >= at_least_s
    (back_off,) = events(simulation, "BackOff")
    assert pace != "prompt" or back_off["count"] == 3, "showing the back-off is not another attempt"


def test_a_kubelet_looks_again_when_the_back_off_is_over() -> None:
    """
    Error for once to one and a half times the pause, then CrashLoopBackOff for a moment; after at most 90 s again.

    The traces of v1.36.3 show 10.6 and 27.5 s (sidecar-crash-loops-beside-app), 24.5 and 52.3 s (backoff-first-waits).
    """
    simulation = simulated(pod(), {"app": {"runs_s": 1, "exit_code": 1}}, pace="kubelet")
    seen: list[tuple[str, float]] = []

    def note(_: str, changed: Json) -> None:
        for status in (changed.get("status") or {}).get("containerStatuses") or ():
            state, body = next(iter(status["state"].items()))
            if not seen or seen[-1][0] != body.get("reason", state):
                seen.append((body.get("reason", state), simulation.loop.time()))

    simulation.store.watch("pods", note)

    simulation.run(400)

    shown = [(seen[i][0], seen[i + 1][1] - seen[i][1]) for i in range(len(seen) - 1)]
    errors = [seconds for word, seconds in shown if word == "Error"][1:]  # the first restart is at once
    pauses = [seconds for word, seconds in shown if word == "CrashLoopBackOff"]
    for pause_s, error_s in zip((10, 20, 40, 60), errors, strict=False):
        assert pause_s - 1.5 <= error_s <= 1.5 * pause_s + 1
    assert len(errors) >= 4
    assert all(seconds < 1 for seconds in pauses[:3])


def test_a_container_that_its_node_kills_is_shown_in_back_off_at_once() -> None:
    """The kill itself causes the next sync, so nobody sees the end, as with a real kubelet."""
    script = {"app": {"fails_after_s": 2, "on_term": 0, "term_code": 1}}
    simulation = simulated(pod({"name": "app", "livenessProbe": TCP}), script)
    words: list[str] = []

    def note(_: str, changed: Json) -> None:
        for status in (changed.get("status") or {}).get("containerStatuses") or ():
            state, body = next(iter(status["state"].items()))
            words.append(body.get("reason", state))

    simulation.store.watch("pods", note)

    simulation.run(30)

    assert "CrashLoopBackOff" in words
    assert "Error" not in words


def test_an_image_volume_that_cannot_be_had_holds_back_who_mounts_it() -> None:
    """The reason of the pull is shown by that container alone; what only the Pod lists is no one's concern."""
    mount = [{"name": "files", "mountPath": "/files"}]
    volumes = [
        {"name": "files", "image": {"reference": "No//Such", "pullPolicy": "IfNotPresent"}},
        {"name": "unused", "image": {"reference": "No//Other", "pullPolicy": "IfNotPresent"}},
    ]
    simulation = simulated(pod({"name": "app", "volumeMounts": mount}, {"name": "other"}, volumes=volumes))

    simulation.run(5)

    statuses = simulation.pod()["status"]["containerStatuses"]  # type: ignore[index]
    (app, other) = (one["state"] for one in statuses)
    assert app["waiting"]["reason"] == "InvalidImageName"
    assert "running" in other
    assert "Warning Failed: Error: InvalidImageName" in texts(simulation)
    assert any(
        e["reason"] == "InspectFailed" and "fieldPath" not in e["involvedObject"] for e in events(simulation)
    )


def test_an_image_volume_is_no_volume_that_the_pod_waits_for() -> None:
    """It is there when its container starts."""
    mount = [{"name": "files", "mountPath": "/files", "subPath": "etc"}]
    volumes = [{"name": "files", "image": {"reference": "tools:1", "pullPolicy": "IfNotPresent"}}]
    simulation = simulated(pod({"name": "app", "volumeMounts": mount}, volumes=volumes))

    simulation.run(5)

    assert "running" in simulation.pod()["status"]["containerStatuses"][0]["state"]  # type: ignore[index]
    assert events(simulation, "FailedMount") == []


TCP: Json = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
EXEC: Json = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 1}


@pytest.mark.parametrize(
    ("probe", "says", "ready"),
    [
        (TCP, "Readiness probe failed: ", ["True", "False"]),
        (
            EXEC,
            "Readiness probe errored and resulted in unknown state: "
            "rpc error: code = Canceled desc = context canceled",
            ["True"],
        ),
    ],
)
def test_readiness_goes_on_while_a_pod_ends(probe: Json, says: str, ready: list[str]) -> None:
    """Over the network it turns the Pod unready; a command cannot be run any more, and tells nothing."""
    simulation = simulated(
        pod({"name": "app", "readinessProbe": probe}), {"app": {"on_term": 6, "fails_after_s": 7}}
    )
    seen: list[str] = []
    simulation.store.watch("pods", lambda _, p: seen.append(_ready_while_running(p)))
    simulation.at(5, lambda s: s.delete())

    simulation.run(60)

    (unhealthy,) = (e for e in events(simulation, "Unhealthy") if e["message"].startswith(says[:30]))
    assert unhealthy["message"].startswith(says)
    assert [s for i, s in enumerate(seen) if s and s not in seen[:i]] == ready


def _ready_while_running(found: Json) -> str:
    """The Ready condition of a Pod that is being deleted and still runs."""
    if found["status"].get("phase") != "Running" or "deletionTimestamp" not in found["metadata"]:
        return ""
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    return "" if ready.get("reason") == "PodCompleted" else str(ready["status"])


def test_liveness_of_a_regular_container_ends_with_the_deletion() -> None:
    """That of a sidecar does not, although nothing follows from it."""
    failing = {**TCP, "failureThreshold": 10}
    simulation = simulated(
        pod(
            {"name": "app", "livenessProbe": failing},
            inits=({"name": "side", "restartPolicy": "Always", "livenessProbe": failing},),
        ),
        {name: {"on_term": 6, "fails_after_s": 6} for name in ("app", "side")},
    )
    simulation.at(5, lambda s: s.delete())

    simulation.run(60)

    assert {e["involvedObject"]["fieldPath"] for e in events(simulation, "Unhealthy")} == {
        "spec.initContainers{side}"
    }


RESTART_ALL: Json = {
    "restartPolicy": "Never",
    "restartPolicyRules": [
        {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
    ],
}


def test_a_rule_restarts_all_containers_of_a_pod_in_place() -> None:
    """Init containers too; all begin without a wait, in the sandbox that is there."""
    simulation = simulated(
        pod(
            {"name": "app"},
            {"name": "judge", **RESTART_ALL},
            inits=({"name": "prepare"}, {"name": "side", "restartPolicy": "Always"}),
            policy="Never",
        ),
        {
            "prepare": {"runs_s": 1},
            "judge": {"runs_s": [3, None], "exit_code": [42, 0]},
            "app": {"on_term": 0},
            "side": {"on_term": 1},
        },
    )
    restarting: list[str] = []
    waiting: list[Json] = []

    def look(_: str, found: Json) -> None:
        status = found["status"]
        restarting.extend(
            c["status"] for c in status.get("conditions", ()) if c["type"] == "AllContainersRestarting"
        )
        waiting.extend(
            s for s in status.get("containerStatuses", ()) if s["state"].get("waiting", {}).get("message")
        )

    simulation.store.watch("pods", look)

    simulation.run(20)

    status = simulation.pod()["status"]  # type: ignore[index]
    everyone = (*status["initContainerStatuses"], *status["containerStatuses"])
    assert [(s["name"], s["restartCount"]) for s in everyone] == [
        ("prepare", 1),
        ("side", 1),
        ("app", 1),
        ("judge", 1),
    ]
    assert [s for i, s in enumerate(restarting) if i == 0 or s != restarting[i - 1]] == [
        "False",
        "True",
        "False",
    ]
    assert {s["state"]["waiting"]["reason"] for s in waiting} == {"RestartingAllContainers"}
    assert {s["lastState"]["terminated"]["reason"] for s in everyone} == {"RestartingAllContainers"}
    assert status["phase"] == "Running"
    killed = [e["involvedObject"]["fieldPath"] for e in events(simulation, "Killing")]
    assert sorted(killed) == ["spec.containers{app}", "spec.initContainers{side}"]
    assert {e["message"] for e in events(simulation, "Killing")} == {"killing"}
    assert not events(simulation, "SandboxChanged")
    assert not events(simulation, "BackOff")


def test_without_a_rule_there_is_no_condition_of_a_restart_of_all() -> None:
    """It stands only where it can become True."""
    simulation = simulated(pod())

    simulation.run(5)

    kinds = {c["type"] for c in simulation.pod()["status"]["conditions"]}  # type: ignore[index]
    assert "AllContainersRestarting" not in kinds


def resize(**resources: Any) -> ACTION:
    """Give the app other resources, as the API's subresource does."""

    def act(simulation: Simulation) -> None:
        stored: Json = simulation.pod()  # type: ignore[assignment]
        app = {**stored["spec"]["containers"][0], "resources": resources}
        meta = {**stored["metadata"], "generation": stored["metadata"]["generation"] + 1}
        changed = {**stored, "metadata": meta, "spec": {**stored["spec"], "containers": [app]}}
        simulation.store.update("pods", changed)

    return act


def watched_conditions(simulation: Simulation) -> list[tuple[str, str]]:
    """(type, reason) of the conditions of a resize, as they come."""
    seen: list[tuple[str, str]] = []

    def look(_: str, found: Json) -> None:
        for condition in found["status"].get("conditions", ()):
            if condition["type"].startswith("PodResize"):
                entry = (condition["type"], condition.get("reason", ""))
                if entry not in seen:
                    seen.append(entry)

    simulation.store.watch("pods", look)
    return seen


def kinds_of(simulation: Simulation) -> set[str]:
    """The types of a Pod's conditions."""
    return {c["type"] for c in simulation.pod()["status"]["conditions"]}  # type: ignore[index]


def test_a_resize_is_put_into_force_in_the_running_container() -> None:
    """Started and completed are told, with all amounts."""
    simulation = simulated(pod({"name": "app", "resources": {"requests": {"cpu": "50m"}}}))
    seen = watched_conditions(simulation)
    simulation.at(5, resize(requests={"cpu": "60m"}, limits={"memory": "1Gi"}))

    simulation.run(10)

    told = (
        '{"containers":[{"name":"app","resources":{"limits":{"memory":"1Gi"},"requests":{"cpu":"60m"}}}],'
        '"generation":2}'
    )
    assert [t for t in texts(simulation) if "esize" in t] == [
        f"Normal ResizeStarted: Pod resize started: {told}",
        f"Normal ResizeCompleted: Pod resize completed: {told}",
    ]
    assert seen == [("PodResizeInProgress", "")]
    assert not kinds_of(simulation) & {"PodResizeInProgress", "PodResizePending"}
    (status,) = simulation.pod()["status"]["containerStatuses"]  # type: ignore[index]
    assert (status["restartCount"], status["allocatedResources"]) == (0, {"cpu": "60m"})


def test_a_resize_restarts_a_container_that_asks_for_it() -> None:
    """At once, for the resource that its policy names."""
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    simulation = simulated(
        pod({"name": "app", "resources": {"requests": {"cpu": "50m"}}, "resizePolicy": policy}),
        {"app": {"on_term": 0}},
    )
    simulation.at(5, resize(requests={"cpu": "60m"}))
    simulation.at(6, resize(requests={"cpu": "60m", "memory": "1Gi"}))

    simulation.run(10)

    (status,) = simulation.pod()["status"]["containerStatuses"]  # type: ignore[index]
    assert status["restartCount"] == 1
    (killing,) = events(simulation, "Killing")
    assert killing["message"] == "Container app resize requires restart"
    assert len(events(simulation, "ResizeCompleted")) == 2


def test_a_resize_without_room_waits() -> None:
    """The container keeps what it has; wanting less again ends the wait."""
    simulation = simulated(pod({"name": "app", "resources": {"requests": {"cpu": "50m"}}}))
    seen = watched_conditions(simulation)
    simulation.at(5, resize(requests={"cpu": "17"}))
    simulation.at(8, lambda s: shown.append(s.pod()["status"]["containerStatuses"][0]))  # type: ignore[index]
    simulation.at(9, resize(requests={"cpu": "50m"}))
    shown: list[Json] = []

    simulation.run(12)

    text = "Node didn't have enough resource: cpu, requested: 17000, used: 0, capacity: 16000"
    (deferred,) = events(simulation, "ResizeDeferred")
    assert deferred["message"].startswith('Pod resize Deferred: {"containers":')
    assert deferred["message"].endswith(f'"generation":2,"error":"{text}"}}')
    assert seen == [("PodResizePending", "Deferred")]
    assert shown[0]["allocatedResources"] == {"cpu": "50m"}
    assert "PodResizePending" not in kinds_of(simulation)
