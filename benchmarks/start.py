"""
What starting costs, each figure beside a reference that is measured in the same run, interleaved.

    python benchmarks/start.py             # imports, and the first command
    python benchmarks/start.py --kind      # also: nothing -> a Pod that ran and a Service name that resolved
    python benchmarks/start.py --embedded  # the same on the embedded cluster, against `import kubernetes`

Medians are printed with the smallest and the largest; a ratio is of medians. The kind part makes and deletes three
clusters of each sort, which takes a few minutes; it needs the air-gapped node image or a registry.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from podlab import airgap, paths
from podlab.client import Client
from podlab.drivers import kind_binary

Work = Callable[[], None]

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "first", "labels": {"app": "first"}},
    "spec": {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "resolve",
                "image": "busybox:1.36",
                "command": [
                    "sh",
                    "-c",
                    "until nslookup first.default.svc.cluster.local; do sleep 0.05; done",
                ],
            }
        ],
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "first"},
    "spec": {"selector": {"app": "first"}, "ports": [{"port": 80}]},
}


def timed(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def interleaved(rounds: int, *works: Work) -> list[list[float]]:
    """Run the works in turn, *rounds* times, so that a busy moment of the machine meets all of them."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for times, work in zip(found, works, strict=True):
            times.append(timed(work))
    return found


def show(name: str, times: list[float]) -> float:
    median = statistics.median(times)
    print(
        f"  {name:<58} {median * 1000:9.1f} ms   ({min(times) * 1000:.1f} to {max(times) * 1000:.1f}, n={len(times)})"
    )
    return median


def python(code: str) -> Work:
    return lambda: _run([sys.executable, "-c", code])


def podlab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "podlab", *arguments]


def _run(command: list[str], **more: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(command[:6])} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def imports(rounds: int) -> None:
    """Whole processes, and the same less what an empty Python costs."""
    works = (python("pass"), python("import podlab"), python("import kubernetes"))
    interleaved(1, *works)  # once, so that bytecode and page cache are warm for all
    nothing, ours, theirs = interleaved(rounds, *works)
    print("import")
    base = show("python -c pass", nothing)
    mine = show("python -c 'import podlab'", ours)
    other = show("python -c 'import kubernetes'", theirs)
    print(f"  whole process: podlab / kubernetes = {mine / other:.3f}")
    print(
        f"  import alone (less the empty process): {(mine - base) / (other - base):.4f}   (aim: at most 0.1)"
    )


def commands(rounds: int) -> None:
    """The first thing a learner types, against an empty Python and against argparse alone."""
    works = (python("pass"), python("import argparse"), lambda: _run(podlab("--help")))
    interleaved(1, *works)
    _, reference, ours = interleaved(rounds, *works)
    print("command line")
    base = show("python -c 'import argparse'", reference)
    print(f"  podlab --help / that = {show('podlab --help', ours) / base:.2f}")


def use(client: Client) -> None:
    """A Pod that ran, in which a Service name resolved."""
    client.create("/api/v1/namespaces/default/services", SERVICE)
    _until_admitted(client)
    with client.lines(
        "/api/v1/namespaces/default/pods", watch="true", fieldSelector="metadata.name=first"
    ) as lines:
        for line in lines:
            if b'"phase":"Succeeded"' in line:
                return
            if b'"phase":"Failed"' in line:
                sys.exit("the Pod failed")


def _until_admitted(client: Client) -> None:
    from podlab.errors import ApiError

    deadline = time.monotonic() + 60
    while True:  # plain kind does not wait for the default ServiceAccount
        try:
            client.create("/api/v1/namespaces/default/pods", POD)
            return
        except ApiError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def kind(rounds: int) -> None:
    """From nothing to that Pod, by `podlab up` and by `kind create cluster --wait`."""
    program, image = str(kind_binary.find_or_install()), airgap.node_image()
    if image is not None:
        image.load()
    ours, theirs, plain = [], [], []
    for _ in range(rounds):
        ours.append(_by_podlab("kind"))
        made, used = _by_kind(
            program, [] if image is None else ["--image", image.name, "--config", str(image.config)]
        )
        plain.append(made)
        theirs.append(used)
    print(
        f"kind: nothing to a Pod that ran and a Service name that resolved ({image.name if image else 'kind default'})"
    )
    mine = show("podlab up --driver kind, then Pod and Service", ours)
    base = show("kind create cluster --wait 120s alone", plain)
    whole = show("kind create cluster --wait 120s, then Pod and Service", theirs)
    print(f"  podlab, all / kind create alone = {mine / base:.3f}   (aim: at most 1.2)")
    print(f"  podlab, all / kind, all         = {mine / whole:.3f}")


def _by_podlab(driver: str) -> float:
    name = f"b{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as home:
        env = _own_state(home)
        kubeconfig = Path(home) / "podlab" / "clusters" / name / "kubeconfig"
        try:
            began = time.perf_counter()
            _run(podlab("up", "--driver", driver, "--name", name), env=env)
            use(Client.from_kubeconfig(kubeconfig))
            return time.perf_counter() - began
        finally:
            _run(podlab("down", "--name", name), env=env)


def _own_state(home: str) -> dict[str, str]:
    """An environment with no clusters of its own yet, and the machine's usual caches."""
    caches = {
        "XDG_CACHE_HOME": str(paths.cache_folder().parent),
        "PODLAB_AIRGAP_CACHE": str(airgap.cache_folder()),
    }
    return {**os.environ, **caches, "XDG_STATE_HOME": home}


def _by_kind(program: str, options: list[str]) -> tuple[float, float]:
    name = f"b{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as home:
        kubeconfig = Path(home) / "kubeconfig"
        where = ["--name", name, "--kubeconfig", str(kubeconfig)]
        try:
            began = time.perf_counter()
            _run([program, "create", "cluster", "--wait", "120s", *where, *options])
            made = time.perf_counter() - began
            use(Client.from_kubeconfig(kubeconfig))
            return made, time.perf_counter() - began
        finally:
            _run([program, "delete", "cluster", *where])


def embedded(rounds: int) -> None:
    """The same on embedded: cold shell to a Pod that ran, against importing the official client."""
    works = (lambda: _note(times, _by_podlab("embedded")), python("import kubernetes"))
    times: list[float] = []
    _, theirs = interleaved(rounds, *works)
    print("embedded: nothing to a Pod that ran and a Service name that resolved")
    mine = show("podlab up --driver embedded, then Pod and Service", times)
    print(f"  that / python -c 'import kubernetes' = {mine / show('import kubernetes', theirs):.2f}")


def _note(times: list[float], seconds: float) -> None:
    times.append(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", action="store_true")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cluster-rounds", type=int, default=3)
    args = parser.parse_args()
    imports(args.rounds)
    commands(args.rounds)
    if args.embedded:
        embedded(args.cluster_rounds)
    if args.kind:
        kind(args.cluster_rounds)


if __name__ == "__main__":
    main()
