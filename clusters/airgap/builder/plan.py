"""All steps of one version in the order in which they are made, and the record of the last build."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cache import Cache, Step, read_stamp, write_whole
from .compiled import busybox_step, nxdomain_step, pause_step
from .contents import contents_step
from .debian import ROOTS, root_step
from .gobuild import go_parts, go_step
from .images import ARCHIVE, Ingredients, component_steps, pod_image_step, pod_images
from .node import node_step
from .proxyroot import proxy_root_step
from .versions import HOME, Versions, load_versions

PER_BUILD = ("node-", "contents-", "pod-", "image-")  # big, and of use to one build only


@dataclass(frozen=True)
class Plan:
    """What a build of *versions* consists of; *pods* by the name of their image."""

    versions: Versions
    have: Ingredients
    steps: tuple[Step, ...]
    pods: dict[str, Step]
    node: Step


def make_plan(cache: Cache, kubernetes: str | None = None) -> Plan:
    """
    Read all data files and say what has to be made; makes nothing.

    Raises:
        BuildError: If a data file is not right.
    """
    versions = load_versions(kubernetes)
    parts = {part.name: part for part in go_parts(versions)}
    have = Ingredients(cache, versions, parts)
    known = pod_images()
    pods = {name: pod_image_step(have, image, known) for name, image in known.items()}
    images = [*component_steps(have), *pods.values()]
    node = node_step(have, images)
    base = [root_step(root, versions) for root in ROOTS.values()]
    base.append(proxy_root_step(cache.path(base[0]), versions))
    small = [pause_step(parts["kubernetes"], versions), nxdomain_step(), busybox_step(versions)]
    programs = [go_step(part) for part in parts.values()]
    steps = (*base, *small, *programs, *images, contents_step(have, images), node)
    return Plan(versions, have, steps, pods, node)


def record(plan: Plan, *, seconds: float, made: list[str]) -> dict[str, Any]:
    """Write down the finished build where `podlab.airgap.node_image()` looks; return it."""
    cache = plan.have.cache
    node = cache.stamp(plan.node)
    assert node is not None
    programs = {
        "kind": str(plan.have.program("kind", "kind")),
        "kubectl": str(plan.have.program("kubernetes", "kubectl")),
    }
    said = {
        "kubernetes": plan.versions.kubernetes,
        "reference": plan.versions.reference,
        "names": node["notes"]["names"],
        "image": node["notes"]["image"],
        "archive": str(cache.path(plan.node) / ARCHIVE),
        "config": str(HOME / "kind-config.yaml"),
        "programs": programs,
        "pod_images": {name: cache_notes(cache, step) for name, step in plan.pods.items()},
        "steps": [step.key for step in plan.steps],
        "last_run": {"seconds": round(seconds, 3), "made": made},
    }
    write_whole(cache.root / "built" / f"{plan.versions.kubernetes}.json", json.dumps(said, indent=1))
    if plan.versions.reference:
        _link_programs(programs_folder(cache), programs)
    return said


def recorded_names(cache: Cache, kubernetes: str) -> list[str]:
    """The image names that the last recorded build of that version left; empty without one."""
    try:
        said = json.loads((cache.root / "built" / f"{kubernetes}.json").read_text())
        return [str(name) for name in said["names"]]
    except (OSError, ValueError, KeyError):
        return []


def cache_notes(cache: Cache, step: Step) -> dict[str, Any]:
    stamp = cache.stamp(step) or {"notes": {}}
    archive = str(cache.path(step) / ARCHIVE)
    return {
        "names": stamp["notes"].get("names", []),
        "says": stamp["notes"].get("says", ""),
        "archive": archive,
    }


def programs_folder(cache: Cache) -> Path:
    """``bin`` beside the cache where that has its usual name (podlab looks there), else inside of it."""
    return (cache.root.parent if cache.root.name == "airgap" else cache.root) / "bin"


def _link_programs(folder: Path, programs: dict[str, str]) -> None:
    """kind and kubectl of the reference version at a path that stays the same."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in programs.items():
        beside = folder / f".{name}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(target)
        beside.replace(folder / name)


def prune(cache: Cache, say: Callable[[str], None] = print, *, everything_else: bool = False) -> int:
    """
    Remove results that no recorded build uses; return the bytes freed.

    Only images and what is made of them go, unless *everything_else*: then roots and programs too.
    """
    used = {
        key for path in (cache.root / "built").glob("*.json") for key in json.loads(path.read_text())["steps"]
    }
    freed = 0
    for folder in cache.root.iterdir():
        stamp = read_stamp(folder) if (folder / "stamp.json").exists() else None
        if stamp is None or folder.name in used:
            continue
        if everything_else or folder.name.startswith(PER_BUILD):
            freed += stamp["bytes"]
            shutil.rmtree(folder)
            say(f"removed {folder.name}: no build uses it")
    return freed
