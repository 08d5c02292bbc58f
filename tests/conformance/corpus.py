"""Load and check the scenarios of the conformance corpus.

A scenario is one YAML file in ``scenarios/``. This module is the only place that knows its shape.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field
from typing import Any

import yaml

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE / "scenarios"
REFERENCE = "v1.36.3"
"""The version that the embedded cluster follows; v1.34.4 is kept beside it to show what changed."""

VERSIONS = (REFERENCE, "v1.34.4")

TRACES = HERE / "traces" / REFERENCE
EXPECTED = HERE / "expected" / REFERENCE

HELPER_LABEL = "conformance.example/helper"
"""A pod with this label serves the scenario (a server, say) and is left out of the comparison."""

VERBS = {"create", "delete", "patch", "exec", "logs", "ephemeral"}
_KEYS = {"title", "rule", "limit_s", "versions", "needs", "given", "pod", "workload", "steps", "tolerance"}
_TOLERANCE_KEYS = {
    "note",
    "tail",
    "counts",
    "order",
    "ran_s",
    "wait_s",
    "runs",
    "states",
    "phases",
    "conditions",
    "events",
    "logs",
    "messages",
    "steps",
}


class ScenarioError(ValueError):
    """A scenario file cannot be used; the message names the file and the place in it."""


@dataclass(frozen=True)
class Step:
    """One action of a scenario, ``at_s`` seconds after the pod (or workload) was created."""

    at_s: float
    verb: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A pod (or a workload that makes pods), what is done to it, and what may vary from run to run."""

    name: str
    title: str
    rule: str
    limit_s: float
    subject: dict[str, Any]
    given: list[dict[str, Any]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    versions: tuple[str, ...] = VERSIONS
    tolerance: dict[str, Any] = field(default_factory=dict)

    @property
    def is_pod(self) -> bool:
        """True when the subject is a bare Pod, False for a Job, Deployment or DaemonSet."""
        return self.subject["kind"] == "Pod"


def load(path: pathlib.Path) -> Scenario:
    """Read one scenario file, or raise ScenarioError saying what is wrong and where."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as e:
        raise ScenarioError(f"{path.name}: not YAML: {e}") from e
    if not isinstance(data, dict):
        raise ScenarioError(f"{path.name}: a scenario is a mapping, this is {type(data).__name__}")
    _check(path.name, data)
    return Scenario(
        name=path.stem,
        title=data["title"],
        rule=str(data["rule"]),
        limit_s=float(data["limit_s"]),
        subject=data.get("pod") or data["workload"],
        given=data.get("given") or [],
        steps=[_step(path.name, i, s) for i, s in enumerate(data.get("steps") or [])],
        needs=data.get("needs") or [],
        versions=tuple(data.get("versions") or VERSIONS),
        tolerance=data.get("tolerance") or {},
    )


def load_all(names: list[str] | None = None, folder: pathlib.Path = SCENARIOS) -> list[Scenario]:
    """Load the named scenarios, or all of them, sorted by name."""
    known = {p.stem: p for p in sorted(folder.glob("*.yaml"))}
    missing = [n for n in names or [] if n not in known]
    if missing:
        raise ScenarioError(f"no such scenario: {', '.join(missing)} (looked in {folder.name}/)")
    return [load(known[n]) for n in (names or known)]


def _check(where: str, data: dict[str, Any]) -> None:
    """Refuse unknown and missing keys, so that a typing error is not silently ignored."""
    unknown = set(data) - _KEYS
    if unknown:
        raise ScenarioError(f"{where}: unknown key {sorted(unknown)}; known are {sorted(_KEYS)}")
    for key in ("title", "rule", "limit_s"):
        if key not in data:
            raise ScenarioError(f"{where}: key {key!r} is missing")
    if ("pod" in data) == ("workload" in data):
        raise ScenarioError(f"{where}: give exactly one of 'pod' and 'workload'")
    unknown = set(data.get("versions") or ()) - set(VERSIONS)
    if unknown:
        raise ScenarioError(f"{where}: unknown versions {sorted(unknown)}; known are {sorted(VERSIONS)}")
    unknown = set(data.get("tolerance") or {}) - _TOLERANCE_KEYS
    if unknown:
        raise ScenarioError(
            f"{where}: unknown tolerance {sorted(unknown)}; known are {sorted(_TOLERANCE_KEYS)}"
        )


def _step(where: str, index: int, raw: dict[str, Any]) -> Step:
    """Check one entry of ``steps``."""
    args = dict(raw)
    try:
        at_s, verb = float(args.pop("at_s")), args.pop("verb")
    except KeyError as e:
        raise ScenarioError(f"{where}: steps[{index}] has no {e}") from e
    if verb not in VERBS:
        raise ScenarioError(f"{where}: steps[{index}].verb is {verb!r}; known are {sorted(VERBS)}")
    return Step(at_s, verb, args)
