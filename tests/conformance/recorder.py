"""Record what a cluster does with the scenarios: the pod and event streams, step results and logs.

    python recorder.py --kubeconfig ~/.kube/config --out second                       # all
    python recorder.py --kubeconfig ~/.kube/config --out second sidecar-reverse-at-delete

Each scenario runs in a namespace of its own, which is deleted at the end. A trace is a gzipped JSON Lines
file: a header line, then one line per thing seen, each with ``t_ms``, the milliseconds between the creation
of the subject and the arrival of that line at this program (one clock, that of this machine).
"""

from __future__ import annotations

import argparse
import concurrent.futures
import gzip
import json
import pathlib
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import corpus
import urllib3.exceptions
from kubernetes import client, config
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL
from kubernetes.utils import create_from_dict

SETTLE_S = 3.0
"""How long to go on recording after the subject ended: late events and conditions still arrive."""

LOG_BYTES = 2000
"""How much of each container's log is kept, from its end."""

NETWORK_ERRORS = (OSError, urllib3.exceptions.HTTPError)

JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


class Trace:
    """An append-only list of records, stamped on arrival; safe to use from several threads."""

    def __init__(self) -> None:
        self._zero = time.monotonic()
        self._lock = threading.Lock()
        self.records: list[dict[str, Any]] = []

    def restart_clock(self) -> None:
        """Make now the zero of ``t_ms``."""
        self._zero = time.monotonic()

    def elapsed_s(self) -> float:
        """Seconds since the zero of the clock."""
        return time.monotonic() - self._zero

    def add(self, kind: str, **what: Any) -> None:
        """Append a record stamped with the time of this call."""
        record = {"t_ms": round(self.elapsed_s() * 1000), "kind": kind, **what}
        with self._lock:
            self.records.append(record)

    def latest(self, kind: str) -> dict[str, dict[str, Any]]:
        """The newest watch record of each object of this kind, by object name."""
        with self._lock:
            return {r["object"]["metadata"]["name"]: r for r in self.records if r["kind"] == kind}


class Watcher(threading.Thread):
    """List, then watch one resource of a namespace into a trace until stopped.

    A watch that ends is resumed at the last resourceVersion seen; one that is too old (410) is listed again.
    """

    def __init__(self, trace: Trace, kind: str, call: Any, namespace: str) -> None:
        super().__init__(daemon=True)
        self._trace, self._kind, self._call, self._namespace = trace, kind, call, namespace
        self._done = threading.Event()
        self.listed = threading.Event()

    def stop(self) -> None:
        """Ask the thread to end; it does so when its current watch returns."""
        self._done.set()

    def run(self) -> None:
        """List once, then watch for ever."""
        version = ""
        while not self._done.is_set():
            try:
                version = version or self._list()
                version = self._watch(version)
            except client.ApiException as e:
                version = "" if e.status == 410 else version
                self._pause(e)
            except NETWORK_ERRORS as e:
                self._pause(e)

    def _pause(self, error: Exception) -> None:
        if not self._done.is_set():
            self._trace.add("recorder", message=f"{self._kind} watch broke: {error!r}"[:300])
            time.sleep(0.2)

    def _list(self) -> str:
        answer = json.loads(self._call(self._namespace, _preload_content=False).data)
        for item in answer["items"]:
            self._trace.add(self._kind, type="LISTED", object=item)
        self.listed.set()
        return answer["metadata"]["resourceVersion"]

    def _watch(self, version: str) -> str:
        response = self._call(
            self._namespace,
            watch=True,
            resource_version=version,
            timeout_seconds=30,
            _preload_content=False,
            _request_timeout=(5, 40),
        )
        try:
            for event in _lines(response):
                if event["type"] == "ERROR":
                    return ""
                if self._done.is_set():
                    break
                self._trace.add(self._kind, type=event["type"], object=event["object"])
                version = event["object"]["metadata"]["resourceVersion"]
        finally:
            response.close()
        return version


def _lines(response: Any) -> Iterator[dict[str, Any]]:
    """The JSON values of a chunked watch answer, one per line."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=False):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in whole if line.strip())


class Recorder:
    """Runs one scenario against a cluster and returns its records."""

    def __init__(self, scenario: corpus.Scenario, prefix: str, cancel: threading.Event | None = None) -> None:
        self.scenario = scenario
        self._cancel = cancel or threading.Event()
        self.namespace = f"{prefix}{scenario.name}"[:55].rstrip("-") + "-" + uuid.uuid4().hex[:5]
        self.core = client.CoreV1Api(client.ApiClient())
        self.batch = client.BatchV1Api(client.ApiClient())
        self.apps = client.AppsV1Api(client.ApiClient())
        self.trace = Trace()

    def run(self) -> list[dict[str, Any]]:
        """Make the namespace, run the scenario, delete the namespace; returns the records."""
        watchers: list[Watcher] = []
        self.core.create_namespace({"metadata": {"name": self.namespace}})
        try:
            self._fill_namespace()
            watchers = self._start_watchers()
            self.trace.restart_clock()
            self._create(self.scenario.subject)
            self._run_steps_until_the_end()
            self._save_logs("end")
        finally:
            for watcher in watchers:
                watcher.stop()
            self.core.delete_namespace(self.namespace)
        return list(self.trace.records)

    def _fill_namespace(self) -> None:
        """Wait for what must exist before a pod can start without noise, and create what the scenario is given."""
        _until(lambda: self.core.read_namespaced_service_account("default", self.namespace))
        _until(lambda: self.core.read_namespaced_config_map("kube-root-ca.crt", self.namespace))
        for manifest in self.scenario.given:
            self._create(manifest)
        for name in [m["metadata"]["name"] for m in self.scenario.given if m["kind"] == "Pod"]:
            _until(lambda name=name: _ready(self.core.read_namespaced_pod(name, self.namespace)))

    def _start_watchers(self) -> list[Watcher]:
        calls = {"pod": self.core.list_namespaced_pod, "event": self.core.list_namespaced_event}
        kind = self.scenario.subject["kind"]
        if kind == "Job":
            calls["workload"] = self.batch.list_namespaced_job
        if kind == "Deployment":
            calls["workload"] = self.apps.list_namespaced_deployment
        if kind == "DaemonSet":
            calls["workload"] = self.apps.list_namespaced_daemon_set
        watchers = [Watcher(self.trace, k, call, self.namespace) for k, call in calls.items()]
        for watcher in watchers:
            watcher.start()
        for watcher in watchers:
            if not watcher.listed.wait(10):
                raise TimeoutError(f"{self.scenario.name}: the first list did not answer in 10 s")
        return watchers

    def _create(self, manifest: dict[str, Any]) -> None:
        create_from_dict(self.core.api_client, manifest, namespace=self.namespace)

    def _run_steps_until_the_end(self) -> None:
        """Run the steps when they are due; return at the limit, or a little after the subject ended."""
        steps = sorted(self.scenario.steps, key=lambda s: s.at_s)
        ended_at: float | None = None
        while (now := self.trace.elapsed_s()) < self.scenario.limit_s:
            if self._cancel.is_set():
                raise InterruptedError("cancelled")
            if steps and now >= steps[0].at_s:
                self._run_step(steps.pop(0))
                continue
            if not steps and ended_at is None and self._ended():
                ended_at = now
            if ended_at is not None and now > ended_at + SETTLE_S:
                return
            time.sleep(0.05)

    def _run_step(self, step: corpus.Step) -> None:
        """Run one step; what the server says, good or bad, is part of the trace."""
        try:
            result = getattr(self, f"_do_{step.verb}")(**step.args)
        except client.ApiException as e:
            result = f"refused: {_api_message(e)}"
        self.trace.add("step", verb=step.verb, at_s=step.at_s, result=result)

    def _do_create(self, manifest: dict[str, Any]) -> str:
        self._create(manifest)
        return "created"

    def _do_delete(
        self, grace: int | None = None, kind: str = "Pod", name: str = "", propagation: str = ""
    ) -> str:
        name = name or self._subject_name()
        if kind == "Pod":
            self._save_logs("before delete")
            options = {} if grace is None else {"grace_period_seconds": grace}
            self.core.delete_namespaced_pod(name, self.namespace, _preload_content=False, **options)
        else:
            policy = {"propagation_policy": propagation} if propagation else {}
            self._call_for(kind, "delete")(name, self.namespace, _preload_content=False, **policy)
        return "deleted"

    def _do_patch(self, patch: Any, kind: str = "", name: str = "", subresource: str = "") -> str:
        content_type = JSON_PATCH if isinstance(patch, list) else STRATEGIC_PATCH
        call = self._call_for(kind or self.scenario.subject["kind"], "patch", subresource)
        call(
            name or self._subject_name(),
            self.namespace,
            patch,
            _content_type=content_type,
            _preload_content=False,
        )
        return "patched"

    def _do_ephemeral(self, container: dict[str, Any]) -> str:
        return self._do_patch(
            {"spec": {"ephemeralContainers": [container]}}, subresource="ephemeralcontainers"
        )

    def _do_exec(self, container: str, command: list[str]) -> str:
        api = client.CoreV1Api(client.ApiClient())
        shell = stream(
            api.connect_get_namespaced_pod_exec,
            self._subject_name(),
            self.namespace,
            container=container,
            command=command,
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,
        )
        shell.run_forever(timeout=10)
        end = _exec_end(shell.read_channel(ERROR_CHANNEL))  # before read_all(), which empties all channels
        return f"{end}: {shell.read_all().strip()}"

    def _do_logs(self) -> str:
        self._save_logs("step")
        return "saved"

    def _call_for(self, kind: str, verb: str, subresource: str = "") -> Any:
        """The client method that does ``verb`` to an object of ``kind``."""
        api = {"Job": self.batch, "Deployment": self.apps, "DaemonSet": self.apps}.get(kind, self.core)
        resource = {"ConfigMap": "config_map", "DaemonSet": "daemon_set"}.get(kind, kind.lower())
        return getattr(api, f"{verb}_namespaced_{resource}" + (f"_{subresource}" if subresource else ""))

    def _subject_name(self) -> str:
        return self.scenario.subject["metadata"]["name"]

    def _ended(self) -> bool:
        """True when nothing more can happen to the subject."""
        if not self.scenario.is_pod:
            found = self.trace.latest("workload").get(self._subject_name())
            conditions = found["object"].get("status", {}).get("conditions", []) if found else []
            return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)
        found = self.trace.latest("pod").get(self._subject_name())
        if not found:
            return False
        return found["type"] == "DELETED" or found["object"]["status"].get("phase") in ("Succeeded", "Failed")

    def _save_logs(self, when: str) -> None:
        """Add the end of each container's log of every pod of the scenario that still exists."""
        for name, record in self.trace.latest("pod").items():
            if record["type"] == "DELETED" or corpus.HELPER_LABEL in (
                record["object"]["metadata"].get("labels") or {}
            ):
                continue
            spec = record["object"]["spec"]
            for container in [
                c["name"]
                for g in ("initContainers", "containers", "ephemeralContainers")
                for c in spec.get(g) or []
            ]:
                self.trace.add(
                    "logs", pod=name, container=container, when=when, text=self._log(name, container)
                )

    def _log(self, pod: str, container: str) -> str:
        try:
            raw = self.core.read_namespaced_pod_log(
                pod, self.namespace, container=container, _preload_content=False
            ).data
        except client.ApiException as e:
            return f"HTTP {e.status}: {_api_message(e)}"
        return raw.decode("utf-8", "replace")[-LOG_BYTES:]


def _exec_end(status_text: str) -> str:
    """``exit N``, or the server's sentence where the command could not be run."""
    status = json.loads(status_text) if status_text else {"message": "no answer in 10 s"}
    if status.get("status") == "Success":
        return "exit 0"
    causes = (status.get("details") or {}).get("causes") or []
    codes = [c["message"] for c in causes if c.get("reason") == "ExitCode"]
    return f"exit {codes[0]}" if codes else status["message"]


def _api_message(error: client.ApiException) -> str:
    """The server's own sentence of an API error (a refused websocket has the Status at the end of its reason)."""
    body = error.body or str(error.reason).rpartition("-+-+-")[2].strip()
    try:
        return json.loads(body)["message"]
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def _ready(pod: Any) -> bool:
    """Raise 404-like until a helper pod is Ready, so that _until() goes on waiting."""
    if any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or []):
        return True
    raise client.ApiException(status=404, reason="not ready yet")


def _until(call: Any, seconds: float = 30.0) -> None:
    """Call until it no longer answers 404."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            call()
            return
        except client.ApiException as e:
            if e.status != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def write(path: pathlib.Path, header: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """Write a trace; the gzip header holds no time, so equal traces are equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(r, separators=(",", ":"), sort_keys=True) for r in [header, *records]]
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
        packed.write(("\n".join(lines) + "\n").encode())


def main(argv: list[str] | None = None) -> int:
    """Record scenarios, several at a time; returns 1 if any could not be recorded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="scenarios to record (default: all)")
    parser.add_argument("--kubeconfig", help="default: $KUBECONFIG or ~/.kube/config")
    parser.add_argument("--context")
    parser.add_argument("--out", type=pathlib.Path, default=corpus.TRACES)
    parser.add_argument("--jobs", type=int, default=6, help="scenarios at a time (more distorts the timing)")
    parser.add_argument("--prefix", default="conformance-", help="of the namespaces")
    args = parser.parse_args(argv)
    try:
        scenarios = corpus.load_all(args.names)
        config.load_kube_config(args.kubeconfig, args.context)
        version = client.VersionApi(client.ApiClient()).get_code().git_version
    except (corpus.ScenarioError, config.ConfigException) as e:
        print(f"cannot record: {e}", file=sys.stderr)
        return 2
    except NETWORK_ERRORS as e:
        print(f"cannot record: the cluster does not answer: {e}", file=sys.stderr)
        return 2
    return 0 if record_all(scenarios, args.out, version, jobs=args.jobs, prefix=args.prefix) else 1


def record_all(
    scenarios: list[corpus.Scenario], out: pathlib.Path, version: str, *, jobs: int, prefix: str
) -> bool:
    """Record into ``out``, ``jobs`` at a time; False if any failed. Ctrl-C ends all and deletes their namespaces."""
    cancel = threading.Event()

    def one(scenario: corpus.Scenario) -> bool:
        header = {"kind": "header", "scenario": scenario.name, "server": version}
        try:
            records = Recorder(scenario, prefix, cancel).run()
        except Exception as e:  # one broken scenario must not lose the others
            print(f"FAIL {scenario.name}: {e!r}"[:400], file=sys.stderr, flush=True)
            return False
        write(out / f"{scenario.name}.jsonl.gz", header, records)
        print(f"ok   {scenario.name}: {len(records)} records", flush=True)
        return True

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            return all(list(pool.map(one, scenarios)))
        except KeyboardInterrupt:
            cancel.set()
            pool.shutdown(wait=True, cancel_futures=True)
            print("cancelled; what was recorded so far is kept", file=sys.stderr)
            return False


if __name__ == "__main__":
    sys.exit(main())
