"""
Kubeconfig files: read them, cut one context out, and, only when asked, add ours to the user's own.

The user's ``~/.kube/config`` is read by the context driver and written by nobody but `merge` and `unmerge`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from podlab.drivers import state
from podlab.errors import DriverError

Config = dict[str, Any]

_FILES = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}


def users_paths() -> list[Path]:
    """Return the kubeconfig files that kubectl would read for this user, in its order."""
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path.home() / ".kube" / "config"]


def read(path: Path) -> Config:
    """
    Return one kubeconfig file as plain data, with relative file names made absolute.

    Raises:
        DriverError: It is not there, or is no kubeconfig.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        config = yaml.load(path.read_text(), loader) or {}
    except (OSError, yaml.YAMLError) as error:
        raise DriverError(f"kubeconfig {path} cannot be read", cause=str(error).splitlines()[0]) from error
    if not isinstance(config, dict):
        raise DriverError(f"kubeconfig {path} cannot be read", cause="its top level is not a mapping")
    for section, keys in _FILES.items():
        for entry in config.get(section) or []:
            _make_absolute(entry, section.removesuffix("s"), keys, path.parent)
    return config


def _make_absolute(entry: Config, inner: str, keys: tuple[str, ...], base: Path) -> None:
    content = entry.get(inner) or {}
    for key in keys:
        if content.get(key):
            content[key] = str((base / content[key]).absolute())


def read_users(path: Path | None = None) -> Config:
    """Return the user's kubeconfig as kubectl would see it: several files are merged, the first one wins."""
    merged: Config = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    candidates = [path] if path else [one for one in users_paths() if one.exists()]
    for one in candidates:
        config = read(one)
        merged.setdefault("current-context", config.get("current-context"))
        if not merged["current-context"]:
            merged["current-context"] = config.get("current-context")
        for section in ("clusters", "users", "contexts"):
            known = {entry["name"] for entry in merged[section]}
            merged[section] += [entry for entry in config.get(section) or [] if entry["name"] not in known]
    return merged


def cut(config: Config, context: str | None, *, name: str, namespace: str) -> Config:
    """
    Return a kubeconfig with one context, called *name*, that stays in *namespace*.

    Raises:
        DriverError: There is no such context, or it is incomplete.
    """
    wanted = context or config.get("current-context") or ""
    entry = _entry(config, "contexts", wanted)
    if entry is None:
        known = ", ".join(sorted(one["name"] for one in config["contexts"])) or "none at all"
        raise DriverError(
            f"context {wanted!r} is not in the kubeconfig"
            if wanted
            else "the kubeconfig has no current context",
            cause=f"contexts there: {known}",
            hint="podlab up --driver context --context NAME",
        )
    inner = entry.get("context") or {}
    cluster, user = (
        _entry(config, "clusters", inner.get("cluster")),
        _entry(config, "users", inner.get("user")),
    )
    if cluster is None:
        raise DriverError(
            f"context {wanted!r} names cluster {inner.get('cluster')!r}, which is not in the kubeconfig"
        )
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster.get("cluster") or {}}],
        "users": [{"name": name, "user": (user or {}).get("user") or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
    }


def _entry(config: Config, section: str, name: str | None) -> Config | None:
    return next((entry for entry in config.get(section) or [] if entry.get("name") == name), None)


def write(path: Path, config: Config) -> None:
    """Write a kubeconfig with mode 0600, all of it or nothing."""
    import yaml

    state.write_private(path, yaml.safe_dump(config, sort_keys=False))


def merge(record: state.Record) -> None:
    """
    Add a cluster of ours to the user's own kubeconfig and make it the current context there.

    The record keeps where that was and which context was current before, for `unmerge`.
    """
    target, source = users_paths()[0], state.folder(record["name"]) / "kubeconfig"
    ours = read(source)
    theirs: Config = read(target) if target.exists() else {"apiVersion": "v1", "kind": "Config"}
    record["merged"] = {"into": str(target.absolute()), "current_before": theirs.get("current-context") or ""}
    state.save(record)
    for section in _FILES:
        names = {entry["name"] for entry in ours.get(section) or []}
        kept = [entry for entry in theirs.get(section) or [] if entry["name"] not in names]
        theirs[section] = kept + (ours.get(section) or [])
    theirs["current-context"] = record["context"]
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(target, theirs)


def unmerge(record: state.Record) -> None:
    """Take out of the user's kubeconfig what `merge` put there: the entries that are still equal to ours."""
    merged, source = record.get("merged"), state.folder(record["name"]) / "kubeconfig"
    if not merged or not source.exists() or not Path(merged["into"]).exists():
        return
    target = Path(merged["into"])
    ours, theirs = read(source), read(target)
    for section in _FILES:
        mine = ours.get(section) or []
        theirs[section] = [entry for entry in theirs.get(section) or [] if entry not in mine]
    if _entry(theirs, "contexts", theirs.get("current-context")) is None:
        before = merged["current_before"]
        theirs["current-context"] = before if _entry(theirs, "contexts", before) else ""
    write(target, theirs)
