"""
Draw the figure of docs/architecture.md: ``python docs/pictures/architecture.py``.

The way of the data from left to right, and below it the rooms of helpers/podlab, each above those that it may import.
Rooms and floors are read from the first import-linter contract in pyproject.toml, so the figure cannot disagree with
the check; the words for each room are here.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "notebooks" / "pictures"))

from kit import FAINT, READY, STARTED, STARTING, STOPPING, WAITING, Picture  # noqa: E402

SVG = ROOT / "docs" / "pictures" / "architecture.svg"
WIDTH, FLOOR_PX, TOP_PX = 900, 34, 236
ALT = (
    "The way of the data: a manifest is applied to a cluster; the recorder watches the cluster and writes "
    "observations; from them comes a timeline, which views draw and checks judge. Below, the rooms of "
    "helpers/podlab, floor above floor, each importing only from floors below it."
)
WORDS = {
    "cli": "the commands: one file a verb",
    "magics": "%%manifest, %%exercise, %timeline",
    "lab": "what a notebook holds: lab = podlab.open()",
    "doctor": "what this machine can run",
    "classroom": "a namespace for each student, the board",
    "assignments": "from a blueprint to marks",
    "course": "the learner's edition, progress",
    "grading": "exercises: fence, play, check",
    "checks": "questions to a recorded life",
    "views": "plot, SVG, text, live view",
    "images": "images of the labs, built from packages",
    "drivers": "make, find, stop: kind, context, embedded",
    "observe": "the recorder",
    "simulation": "a Pod predicted",
    "timeline": "what is known of a Pod's life, and when",
    "manifests": "read, lint, apply",
    "mesh": "parts of a small mesh",
    "client": "HTTP to an API server",
    "airgap": "a node image without a registry",
    "embedded": "a Kubernetes of one node",
    "orders": "fetch | proxy | (shop shipper)",
    "files": "whole or not at all",
    "nearest": "near misses of names",
    "paths": "where things are kept",
    "extras": "optional packages",
    "version": "of podlab",
    "pods": "the reading of a Pod: status, roles, requests, quantities",
    "errors": "what happened, why, what to try",
}


def floors() -> list[list[str]]:
    """The rooms, from the top floor to the ground, as the contract lists them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[room.strip(" ()") for room in layer.split("|")] for layer in layers]


def data_way(p: Picture) -> None:
    """The upper half: from a manifest to a picture and to a verdict."""
    p.text(24, 34, "the way of the data", size=16, bold=True)
    boxes = [
        (24, "manifest", "YAML", WAITING),
        (194, "cluster", "kind, context, embedded", STOPPING),
        (384, "recording", "observations, one file", STARTING),
        (574, "timeline", "intervals with evidence", STARTED),
    ]
    for x, name, words, fill in boxes:
        p.box(x, 96, 150, 50, "none", line=fill)
        p.text(x + 75, 118, name, size=14, bold=True, at="middle")
        p.text(x + 75, 136, words, size=11, fill=FAINT, at="middle")
    for x, name, words in (
        (174, "apply", "manifests"),
        (344, "watch, logs", "observe"),
        (534, "fuse", "timeline"),
    ):
        p.line(x, 121, x + (20 if x == 174 else 40), 121, arrow=True)
        p.text(x + (10 if x == 174 else 20), 82, name, size=12, at="middle")
        p.text(x + (10 if x == 174 else 20), 66, words, size=11, fill=FAINT, at="middle", mono=True)
    for y, name, words in (
        (60, "views", "plot, text, SVG"),
        (136, "checks", "verdicts, reports"),
    ):
        p.box(772, y, 112, 50, "none", line=READY)
        p.text(828, y + 21, name, size=14, bold=True, at="middle")
        p.text(828, y + 39, words, size=10, fill=FAINT, at="middle")
    p.line(724, 114, 770, 88, arrow=True)
    p.line(724, 128, 770, 158, arrow=True)
    p.text(24, 186, "right of the recording no cluster is needed, and the same file gives the same result every time",
           size=12, fill=FAINT)  # fmt: skip


def rooms(p: Picture) -> None:
    """The lower half: the floors."""
    p.text(
        24,
        TOP_PX - 12,
        "the rooms of helpers/podlab: each imports only from floors below it",
        size=16,
        bold=True,
    )
    for number, floor in enumerate(floors()):
        y, wide = TOP_PX + number * FLOOR_PX, (WIDTH - 48) / len(floor)
        for place, room in enumerate(floor):
            x = 24 + place * wide
            p.box(x, y, wide - 6, FLOOR_PX - 5, "none", line=READY if room in ("pods", "errors") else FAINT)
            p.text(x + 10, y + 19, room, size=13, bold=True, mono=True)
            if len(floor) < 4:
                p.text(x + 20 + 8.2 * len(room), y + 19, WORDS[room], size=11.5, fill=FAINT)


def draw() -> str:
    """The figure as SVG."""
    p = Picture(WIDTH, TOP_PX + len(floors()) * FLOOR_PX + 16, ALT)
    data_way(p)
    rooms(p)
    return "\n".join([*p._head(), *p.parts, "</svg>", ""])


if __name__ == "__main__":
    SVG.write_text(draw(), "utf-8")
    print(SVG.relative_to(ROOT))
