"""
Store what upstream's own code answers to the statements of pages about versions: no cluster, only a Go module.

    python tests/notebooks/upstream_answers.py v1.37.2       # builds answers/main.go against that release; minutes
    python tests/notebooks/upstream_answers.py --ended lab   # keep the Pods of round 1.7 as a cluster left them

One file a release, ``answers/RELEASE.json``: the answer by column, as ``claims.answers`` gives it of a cluster. The
program calls what the API server calls at a create (defaults, dropping of fields, validation) and for a table. Any
row of ``clusters/airgap/versions.toml`` will do: the module lists are those of the air-gapped build.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import claims
from pages import ROOT, pages, read

import podlab
from podlab import manifests

HERE = Path(__file__).parent / "answers"
ENDED = HERE / "ended.json"
AIRGAP = ROOT / "clusters" / "airgap"


def stored(release: str) -> Path:
    """Where the answers of a release are kept."""
    return HERE / f"{release}.json"


def releases() -> list[str]:
    """The releases whose answers are kept."""
    return sorted(path.stem for path in HERE.glob("v*.json"))


def rows() -> dict[str, dict[str, str]]:
    """The versions that can be built, each with its row of versions.toml."""
    found: dict[str, dict[str, str]] = tomllib.loads((AIRGAP / "versions.toml").read_text("utf-8"))[
        "kubernetes"
    ]
    return found


def ask(release: str, pods: list[Any]) -> list[dict[str, Any]]:
    """Build the program against *release* and give it the Pods; one answer each."""
    flags = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"}
    environment = {**os.environ, **flags, "GOTOOLCHAIN": rows()[release].get("go", "local")}
    with tempfile.TemporaryDirectory() as folder:
        for path in (*(AIRGAP / "go" / f"kubernetes-{release}").iterdir(), HERE / "main.go"):
            shutil.copy(path, folder)
        build = ["go", "build", "-trimpath", "-o", "answers", "."]
        subprocess.run(build, cwd=folder, check=True, env=environment)
        done = subprocess.run(
            [f"{folder}/answers"], input=json.dumps(pods), text=True, capture_output=True, check=True
        )
    return list(json.loads(done.stdout))


def answers(release: str) -> dict[str, str]:
    """Put all questions of all pages to upstream's code of *release*."""
    ended = {pod["metadata"]["name"]: pod for pod in json.loads(ENDED.read_text("utf-8"))}
    asked: list[tuple[str, Any]] = []
    for page in map(read, pages()):
        for column in (claim.column for claim in claims.claims(page)):
            question = claims.QUESTIONS[column]
            for each in manifests.load(question.text(page)):
                asked.append((column, ended[each.name] if question.asks == "status" else _made(each.object)))
    found: dict[str, list[str]] = {}
    for (column, pod), answer in zip(asked, ask(release, [pod for _, pod in asked]), strict=True):
        kept = None if answer["refused"] else answer["stored"]
        word = answer["status"] if claims.QUESTIONS[column].asks == "status" else claims.fate(pod, kept)
        found.setdefault(column, []).append(word)
    return {column: claims.together(words) for column, words in found.items()}


def _made(pod: Any) -> Any:
    """Add what the server has set before it validates."""
    return {**pod, "metadata": {"namespace": "default", **pod["metadata"]}}


def keep_ended(cluster: str) -> None:
    """Run the Pods of the STATUS questions on *cluster*, and keep them as they are once Failed."""
    kept = []
    with podlab.open(cluster, namespace="podlab-claims") as lab:
        for page in map(read, pages()):
            if any(claims.QUESTIONS[claim.column].asks == "status" for claim in claims.claims(page)):
                claims.answers(lab, page)
                kept += [lab.get("pod", name) for name in ("one", "two")]
    for pod in kept:
        pod["metadata"].pop("managedFields", None)
    ENDED.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Store the answers of each release that is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("releases", nargs="*", metavar="V", help="v1.35.4")
    parser.add_argument("--ended", metavar="CLUSTER", help="renew answers/ended.json on this cluster")
    options = parser.parse_args()
    if options.ended:
        keep_ended(options.ended)
    for release in options.releases:
        found = answers(release)
        stored(release).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{release}: {found}")


if __name__ == "__main__":
    main()
