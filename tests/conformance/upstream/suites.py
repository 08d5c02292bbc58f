"""A cluster for one suite, and one run of the suite on it."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from podlab.drivers import Cluster, Profile, get, process
from upstream import lists, mirror, reports, standins
from upstream.plan import Made
from upstream.reports import Outcome

BINARY = {"node": "e2e_node.test", "e2e": "e2e.test"}
DESCRIPTION = {"node": "E2eNode Suite", "e2e": "Kubernetes e2e suite"}
JOBS = {"node": 10, "e2e": 10}  # the specs mostly wait
Say = Callable[[str], None]


@dataclass(frozen=True)
class Suite:
    """One suite with what was built for it."""

    name: str
    plan: Made
    say: Say = field(repr=False)

    @property
    def binary(self) -> Path:
        return self.plan.bin(self.plan.binary(BINARY[self.name]), BINARY[self.name])

    def tool(self, name: str) -> Path:
        """Return ``ginkgo`` or ``kubectl``."""
        return self.plan.bin(self.plan.programs(), name)

    def missing(self) -> list[str]:
        """Name the steps of the build that a run needs and the cache lacks."""
        needed = [self.plan.binary(BINARY[self.name]), self.plan.programs()]
        needed += [
            standins.step(self.plan, one) for one in standins.load().values() if self.name in one.suites
        ]
        return [step.name for step in needed if self.plan.cache.stamp(step) is None]


@contextmanager
def cluster(suite: Suite) -> Iterator[Cluster]:
    """Start an embedded cluster that holds the stand-ins; it is gone when the block ends, however it ends."""
    driver, name = get("embedded"), f"upstream-{suite.name}-{uuid.uuid4().hex[:6]}"
    archives = standins.archives(suite.plan, suite.name)
    with mirror.serving(
        archives
    ) as registry:  # specs with imagePullPolicy Always ask it for what is there already
        os.environ["PODLAB_REGISTRY_MIRRORS"] = f"registry.k8s.io={registry}"
        made = driver.make(Profile(name=name, options=["--allow-host-path"]))
        try:
            suite.say(f"cluster {name} is up; loading images")
            driver.load_images(name, [str(path) for path in archives])
            yield made
        finally:
            driver.stop(name)
            del os.environ["PODLAB_REGISTRY_MIRRORS"]


def all_specs(suite: Suite, out: Path) -> list[str]:
    """Return the names of all specs of the binary; nothing is run."""
    report = out / "all.json"
    # A dry run reads the kubeconfig, but asks nobody.
    (out / "kubeconfig").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "clusters": []}))
    command = [str(suite.binary), "--ginkgo.dry-run", f"--ginkgo.json-report={report}", "--ginkgo.no-color"]
    command += ["--provider=skeleton", f"--kubeconfig={out / 'kubeconfig'}"] if suite.name == "e2e" else []
    code, last = process.stream(command, lambda _: None, deadline_s=600, env=_environment(out))
    if not report.exists():
        raise RuntimeError(f"{suite.binary.name} printed no list of its specs ({code}): {last[-3:]}")
    return reports.names(report)


def run(
    suite: Suite, where: Cluster, names: Collection[str], out: Path, *, jobs: int, deadline_s: float
) -> dict[str, Outcome]:
    """
    Run *names* in parallel, and return how each ended; what did not come to an end is not in it.

    Args:
        out: A folder for ginkgo's report and log.
        jobs: Specs at a time. Serial ones run alone, after the others.
        deadline_s: Ginkgo ends what still runs then.

    Raises:
        RuntimeError: Ginkgo left no report.
    """
    out.mkdir(parents=True, exist_ok=True)
    report = out / "report.json"
    report.unlink(missing_ok=True)
    command = [
        *(str(suite.tool("ginkgo")), f"--procs={min(jobs, len(names))}", "--no-color", "-v"),
        *("--keep-going", f"--timeout={deadline_s:.0f}s", "--grace-period=20s", f"--output-dir={out}"),
        *(
            f"--json-report={report.name}",
            *lists.focus(DESCRIPTION[suite.name], names),
            str(suite.binary),
            "--",
        ),
        *_arguments(suite, where, out),
    ]
    with (out / "log").open("w", encoding="utf-8") as log:
        progress = _Progress(suite.say, len(names))

        def line(text: str) -> None:
            log.write(text + "\n")
            progress.line(text)

        code, last = process.stream(command, line, deadline_s=deadline_s + 120, env=_environment(out))
    if not report.exists():
        raise RuntimeError(f"ginkgo left no report (exit code {code}): {' | '.join(last[-5:])}")
    return {name: outcome for name, outcome in reports.read(report).items() if name in set(names)}


class _Progress:
    """Count the lines with which ginkgo ends a spec, and say each half minute how far it is."""

    def __init__(self, say: Say, asked: int) -> None:
        self._say, self._asked, self._ended, self._next = say, asked, 0, time.monotonic() + 30

    def line(self, text: str) -> None:
        self._ended += text.startswith(("• ", "•! ", "S [SKIPPED]"))
        if time.monotonic() >= self._next:
            self._say(f"{self._ended} of {self._asked} specs have ended")
            self._next = time.monotonic() + 30


def _arguments(suite: Suite, where: Cluster, out: Path) -> list[str]:
    config = json.loads(where.kubeconfig.read_text(encoding="utf-8"))
    server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    if suite.name == "e2e":
        return [
            *(
                f"--kubeconfig={where.kubeconfig}",
                "--provider=skeleton",
                f"--kubectl-path={suite.tool('kubectl')}",
            ),
            *(
                f"--e2e-output-dir={out}",
                "--dump-logs-on-failure=false",
                "--minStartupPods=0",
                "--disable-log-dump",
            ),
            *("--system-pods-startup-timeout=5s", "--allowed-not-ready-nodes=0"),
        ]
    (node,) = where.client().get("/api/v1/nodes")["items"]
    return [
        *(f"--host={server}", f"--bearer-token={token}", f"--node-name={node['metadata']['name']}"),
        *(
            "--dns-domain=cluster.local",
            "--start-services=false",
            "--stop-services=false",
            "--prepull-images=false",
            "--dump-logs-on-failure=false",  # it looks for a kubelet on this machine, for two minutes
        ),
    ]


def _environment(out: Path) -> dict[str, str]:
    """Nothing of the user's own cluster, and temporary files where they are removed."""
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return {**kept, "TMPDIR": str(out)}
