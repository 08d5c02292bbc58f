"""
The binaries of upstream's end-to-end suites, and all that their Pods run, as steps of the air-gapped builder.

Each step has a folder of its own in the cache, made whole or not at all (``builder.cache``), so a build that was ended
goes on with the step in which it was. Compilations are kept by Go's own cache besides.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "clusters" / "airgap"))

from builder import proxyroot, shell  # noqa: E402
from builder.archives import Entry, write_layer  # noqa: E402
from builder.cache import Cache, Step, cache_dir  # noqa: E402
from builder.compiled import busybox_step, pause_step  # noqa: E402
from builder.debian import Root, root_step  # noqa: E402
from builder.gobuild import GoPart, go_parts, go_step, kubernetes_stamps  # noqa: E402
from builder.versions import Versions, load_versions  # noqa: E402

MODULE = "k8s.io/kubernetes"
BUSYBOX_SUITE = "trixie"  # its busybox is 1.37, as upstream's image
# Debian's shell drops variables whose names are no names of a shell; upstream's busybox hands them to its children.
BUSYBOX_MORE = {"CONFIG_FEATURE_DI_ENV_HACK": "y"}
BINARIES = {"e2e.test": "test/e2e", "e2e_node.test": "test/e2e_node"}
PROGRAMS = {
    "kubectl": f"{MODULE}/cmd/kubectl",
    "ginkgo": "github.com/onsi/ginkgo/v2/ginkgo",
}
IN_IMAGES = {
    "agnhost": f"{MODULE}/test/images/agnhost",
    "nnp": f"{MODULE}/test/images/nonewprivs",
    "regression-issue-74839": f"{MODULE}/test/images/regression-issue-74839",
}
TOOLS = Root(
    "e2e-tools",
    ("bash", "bind9-dnsutils", "curl", "iproute2", "netcat-openbsd", "nginx-light", "procps", "util-linux"),
)
TOOLS_PICKED = (
    "usr/bin/bash", "usr/bin/curl", "usr/bin/hostname", "bin/hostname", "usr/bin/dig", "usr/bin/nslookup",
    "usr/bin/nc.openbsd", "usr/bin/getent", "usr/bin/ipcs", "usr/bin/ipcmk", "usr/bin/ipcrm", "usr/bin/ss",
    "usr/sbin/ip", "usr/sbin/nginx", "bin/bash", "bin/ip", "bin/ss", "bin/nc.openbsd", "etc/nginx/mime.types",
)  # fmt: skip


def cache_folder() -> Path:
    """Return the folder of all results: ``PODLAB_UPSTREAM_CACHE``, else ``upstream`` beside the node images'."""
    chosen = os.environ.get("PODLAB_UPSTREAM_CACHE")
    return Path(chosen) if chosen else cache_dir().parent / "upstream"


@dataclass(frozen=True)
class Made:
    """What the steps of one version are, and where their results lie."""

    cache: Cache
    versions: Versions

    def _part(
        self, name: str, *, programs: dict[str, str] | None = None, tests: dict[str, str] | None = None
    ) -> Step:
        stamps = kubernetes_stamps(self.versions.kubernetes)
        part = GoPart(
            name,
            MODULE,
            self.versions.kubernetes,
            programs or {},
            stamped=stamps,
            tests=tests or {},
            folder=HERE / "go",
        )
        return go_step(part)

    def binary(self, name: str) -> Step:
        """The step of one test binary; minutes, the first time."""
        return self._part(name, tests={name: f"{MODULE}/{BINARIES[name]}"})

    def programs(self) -> Step:
        """The step of kubectl and ginkgo."""
        return self._part("tools", programs=PROGRAMS)

    def in_images(self) -> Step:
        """The step of the Go programs inside of images."""
        return self._part("images", programs=IN_IMAGES)

    def busybox(self) -> Step:
        return busybox_step(replace(self.versions, suite=BUSYBOX_SUITE), BUSYBOX_MORE)

    def pause(self) -> Step:
        kubernetes = next(part for part in go_parts(self.versions) if part.name == "kubernetes")
        return pause_step(kubernetes, self.versions)

    def tools(self) -> Step:
        """The step of ``layer.tar.gz`` with Debian's curl, dig and others, each with its libraries."""
        inputs = {"root": self.tools_root().key, "picked": list(TOOLS_PICKED), "recipe": 1}
        return Step("e2e-tools", inputs, self._pick)

    def tools_root(self) -> Step:
        return root_step(TOOLS, self.versions)

    def _pick(self, out: Path) -> dict[str, Any]:
        source = out / "source"
        source.mkdir()
        shell.run(["tar", "-xzf", self.path(self.tools_root()) / "layer.tar.gz", "-C", source])
        picked = [source / name for name in TOOLS_PICKED if (source / name).exists()]
        entries = {str(path.relative_to(source)): path for path in picked}
        for path in proxyroot.libraries(source, picked):
            entries.setdefault(str(path.relative_to(source)), path)
        layer = write_layer(
            [Entry(name, path.resolve(), 0o755) for name, path in entries.items()], out / "layer.tar.gz"
        )
        shutil.rmtree(source)
        return {"diff_id": layer.diff_id, "files": sorted(entries)}

    def path(self, step: Step) -> Path:
        """Where the result of *step* lies; perhaps not made yet."""
        return self.cache.path(step)

    def bin(self, step: Step, name: str) -> Path:
        return self.path(step) / "bin" / name

    def source(self) -> Path:
        """Return the folder of Kubernetes' module in Go's own cache, downloaded if need be."""
        env = {"GOFLAGS": "-mod=readonly", "GOWORK": "off"}
        said = shell.run(["go", "mod", "download", "-json", MODULE], cwd=HERE / "go", env=env)
        return Path(json.loads(said)["Dir"])


def made(kubernetes: str | None = None) -> Made:
    """Return the plan for *kubernetes*, the reference version unless named."""
    return Made(Cache(cache_folder()), load_versions(kubernetes))


def part_for_lock(plan: Made) -> GoPart:
    """Return the one part whose packages are those of all steps, for writing ``go.sum`` again."""
    tests = {name: f"{MODULE}/{package}" for name, package in BINARIES.items()}
    return GoPart(
        "upstream",
        MODULE,
        plan.versions.kubernetes,
        {**PROGRAMS, **IN_IMAGES},
        tests=tests,
        folder=HERE / "go",
    )


def missing(plan: Made, steps: list[Step]) -> list[Step]:
    """Return the steps that have no whole result."""
    return [step for step in steps if plan.cache.stamp(step) is None]


def finish(plan: Made, steps: list[Step], say: Callable[[str], None]) -> None:
    """
    Make what is missing of *steps*, in order; other builds wait.

    Raises:
        builder.failure.BuildError: A step failed; what was finished stays.
    """
    shell.listener = say
    with plan.cache.locked(say, deadline_s=7200.0):
        for step in steps:
            plan.cache.finish(step, say)
