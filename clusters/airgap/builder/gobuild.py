"""
Programs built from Go modules: Kubernetes, etcd, CoreDNS, containerd, kind.

Each is built in an empty main module of ours that requires the program's module, because modules
with replace directives refuse `go install`. The module's go.sum is committed and the build is
read-only, so every module that is downloaded is checked against it; `lock` writes it, and there
the checksum database (GOSUMDB) is what checks.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from . import shell
from .cache import Step, tree_digest
from .failure import BuildError
from .shell import need, run
from .versions import HOME, Versions, load_versions

MINIMUM_GO = (1, 26)
KUBERNETES_PROGRAMS = (
    "kubelet",
    "kubeadm",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
)


@dataclass(frozen=True)
class GoPart:
    """
    One module to build programs from.

    Attributes:
        programs: Name of each program and the package that it is built from.
        stamped: Linker variables, such as the version that the program prints.
        tests: Name of each test binary and the package whose tests it runs.
        folder: Where its ``go.mod`` and ``go.sum`` lie, if not in ``go/NAME-VERSION``.
        toolchain: The Go that builds it, such as ``go1.27.3``, which Go fetches as a module; empty for the one on PATH.
    """

    name: str
    module: str
    version: str
    programs: dict[str, str]
    tags: str = ""
    stamped: dict[str, str] = field(default_factory=dict)
    tests: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    toolchain: str = ""

    @property
    def recipe(self) -> Path:
        return self.folder or HOME / "go" / f"{self.name}-{self.version}"


def go_parts(versions: Versions) -> list[GoPart]:
    """All Go parts for *versions*, longest build first."""
    containerd = "github.com/containerd/containerd/v2"
    return [
        GoPart(
            "kubernetes",
            "k8s.io/kubernetes",
            versions.kubernetes,
            {name: f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES_PROGRAMS},
            stamped=kubernetes_stamps(versions.kubernetes),
            toolchain=versions.go,
        ),
        GoPart(
            "coredns",
            "github.com/coredns/coredns",
            versions.coredns,
            {"coredns": "github.com/coredns/coredns"},
            toolchain=versions.go,
        ),
        GoPart(
            "containerd",
            containerd,
            versions.containerd,
            {name: f"{containerd}/cmd/{name}" for name in ("containerd", "ctr", "containerd-shim-runc-v2")},
            tags="no_btrfs no_zfs no_devmapper",
            stamped={f"{containerd}/version.Version": versions.containerd},
        ),
        GoPart(
            "etcd",
            "go.etcd.io/etcd/server/v3",
            versions.etcd,
            {"etcd": "go.etcd.io/etcd/server/v3"},
            toolchain=versions.go,
        ),
        GoPart("kind", "sigs.k8s.io/kind", versions.kind, {"kind": "sigs.k8s.io/kind"}),
    ]


def go_step(part: GoPart) -> Step:
    """The step that fills ``bin/`` with the programs of *part*."""
    if not (part.recipe / "go.sum").exists():
        raise BuildError(
            f"there is no checked module list for {part.name} {part.version}",
            cause=f"{part.recipe}/go.sum is missing",
            hint=f"clusters/airgap/build.py --lock {part.name} (downloads, and asks the checksum database)",
        )
    inputs = {
        "recipe": tree_digest(part.recipe),
        "programs": part.programs,
        "tags": part.tags,
        "flags": _ldflags(part),
    }
    if part.tests:
        inputs["tests"] = part.tests
    if part.toolchain:
        inputs["toolchain"] = part.toolchain
    return Step(f"go-{part.name}-{part.version}", inputs, lambda out: _build(part, out))


def lock(part: GoPart) -> None:
    """Write go.mod and go.sum of *part* again."""
    need("go")
    part.recipe.mkdir(parents=True, exist_ok=True)
    (part.recipe / "go.sum").unlink(missing_ok=True)
    replaces = _staging_replaces(part) if part.module == "k8s.io/kubernetes" else ""
    (part.recipe / "go.mod").write_text(
        f"module podlab.invalid/airgap/{part.name}\n\ngo 1.26.0\n\n"
        f"require {part.module} {part.version}\n{replaces}"
    )
    env = {**_environment(part), "GOFLAGS": "-mod=mod -buildvcs=false"}
    for package in part.programs.values():
        run(["go", "list", "-deps", "-tags", part.tags, package], cwd=part.recipe, env=env)
    for package in part.tests.values():
        run(["go", "list", "-deps", "-test", "-tags", part.tags, package], cwd=part.recipe, env=env)


def _build(part: GoPart, out: Path) -> dict[str, object]:
    _need_go(part)
    work = out / "module"
    shutil.copytree(part.recipe, work)
    (out / "bin").mkdir()
    compiled = 0
    wanted = [(["build"], part.programs), (["test", "-c"], part.tests)]
    for verb, name, package in [(verb, *one) for verb, programs in wanted for one in programs.items()]:
        shell.listener(f"  compiling {name}")
        flags = [
            "-v",
            "-trimpath",
            "-tags",
            part.tags,
            "-ldflags",
            _ldflags(part),
            "-o",
            str(out / "bin" / name),
        ]
        words: list[str | Path] = ["nice", "go", *verb, *flags, package]
        said = run(words, cwd=work, env=_environment(part), hint=_REFUSED, with_stderr=True)
        compiled += sum(not line.startswith("go:") for line in said.splitlines())
    shutil.rmtree(work)
    return {"go": _go_version(part), "compiled_packages": compiled}


_REFUSED = "look at the last words above: 403 means that the module mirror does not serve that version"


def _environment(part: GoPart) -> dict[str, str]:
    """Static programs, nothing from the surroundings; module and build caches stay the user's own."""
    wanted = {
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": load_versions().architecture,
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": part.toolchain or "local",
        "GOWORK": "off",
    }
    return {**os.environ, **wanted}


def _ldflags(part: GoPart) -> str:
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in sorted(part.stamped.items()))])


def kubernetes_stamps(version: str) -> dict[str, str]:
    """The linker variables by which Kubernetes' programs know their *version*, such as ``v1.36.3``."""
    major, minor, *_ = version.removeprefix("v").split(".")
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{key}": value for package in packages for key, value in facts.items()}


def _staging_replaces(part: GoPart) -> str:
    """Its own go.mod points at folders that the module's archive leaves out; point at their releases."""
    archive = run(["go", "mod", "download", "-json", f"{part.module}@{part.version}"], env=_environment(part))
    folder = re.search(r'"Dir": "([^"]+)"', archive)
    if folder is None:
        raise BuildError(f"{part.module}@{part.version} was not downloaded", cause=archive[-300:])
    text = (Path(folder.group(1)) / "go.mod").read_text()
    staging = re.findall(r"^\s+(k8s\.io/\S+) => \./staging", text, re.M)
    release = "v0." + part.version.removeprefix("v1.")
    return "\nreplace (\n" + "".join(f"\t{name} => {name} {release}\n" for name in staging) + ")\n"


def _go_version(part: GoPart) -> str:
    return run(["go", "env", "GOVERSION"], env=_environment(part), hint=_REFUSED).strip()


def _need_go(part: GoPart) -> None:
    need("go")
    found = _go_version(part)
    number = re.match(r"go(\d+)\.(\d+)", found)
    if number is None or tuple(int(n) for n in number.groups()) < MINIMUM_GO:
        raise BuildError(
            f"the build needs Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} or newer",
            cause=f"the go on PATH says {found}",
            hint="install a newer Go and put it first on PATH",
        )
