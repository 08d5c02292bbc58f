"""Store what upstream's own printPod makes of every Pod in the traces: the oracle of ``podlab.pods.status``.

    python printed_rows.py v1.36.3        # builds printed/main.go against that release; minutes, and needs Go

One file a release, ``printed/<release>.json.gz``: scenario -> [READY, STATUS, number of restarts] of each state of
each Pod, in the order of the trace.
"""

from __future__ import annotations

import gzip
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import normaliser

HERE = pathlib.Path(__file__).parent
MODULES = HERE.parents[1] / "clusters" / "airgap" / "go"


def stored(release: str) -> pathlib.Path:
    """Where the rows of a release are kept."""
    return HERE / "printed" / f"{release}.json.gz"


def pods(release: str) -> dict[str, list[Any]]:
    """Scenario -> every state of every Pod that its trace holds."""
    found = {}
    for path in sorted((HERE / "traces" / release).glob("*.jsonl.gz")):
        _, records = normaliser.read(path)
        found[path.name.removesuffix(".jsonl.gz")] = [r["object"] for r in records if r["kind"] == "pod"]
    return found


def printed(release: str, objects: list[Any]) -> list[list[str]]:
    """Build the program against *release* and give it the Pods."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (*(MODULES / f"kubernetes-{release}").iterdir(), HERE / "printed" / "main.go"):
            shutil.copy(path, folder)
        subprocess.run(["go", "build", "-mod=mod", "-o", "printed", "."], cwd=folder, check=True)
        done = subprocess.run(
            [f"{folder}/printed"], input=json.dumps(objects), text=True, capture_output=True, check=True
        )
    # "2 (5m ago)" counts from now: only the number can be compared.
    return [[ready, status, restarts.split()[0]] for ready, status, restarts in json.loads(done.stdout)]


def main() -> None:
    """Print and store the rows of one release."""
    release = sys.argv[1]
    by_scenario = pods(release)
    rows = iter(printed(release, [pod for each in by_scenario.values() for pod in each]))
    kept = {name: [next(rows) for _ in each] for name, each in by_scenario.items()}
    with stored(release).open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(json.dumps(kept, sort_keys=True).encode())
    print(f"{release}: {sum(map(len, kept.values()))} rows of {len(kept)} scenarios")


if __name__ == "__main__":
    main()
