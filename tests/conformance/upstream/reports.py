"""Ginkgo's report of a run, held against the lists."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from upstream.lists import Lists

GROUPS = (  # the first that matches counts
    ("Containers Lifecycle (order, restarts, ends)", r"Containers Lifecycle"),
    ("InitContainer", r"InitContainer"),
    ("Sidecars: probes and hooks", r"[Rr]estartable [Ii]nit|SidecarContainers"),
    ("Restart rules, RestartAllContainers", r"Restart Rules|RestartRules|RestartAllContainers"),
    ("Probing, lifecycle hooks, PreStop", r"Probing|Lifecycle (Sleep )?Hook|PreStop"),
    ("Pods, conditions, status, eviction", r"\[sig-node\].*(Pods|[Pp]od conditions|tatus|SIGKILL|NoExecute|Kubelet)"),
    ("Environment, files, volumes", r"Downward|ConfigMap|Secret|Projected|EmptyDir|Subpath|HostPath|Ephemeral|EnvFiles"
     r"|Variable Expansion|ImageVolume|Mount"),
    ("Security Context, Sysctls, PID and IPC", r"Security Context|Sysctls|Privileged|PID|Proc Mount|NodeAuth"),
    ("In-place resize", r"Resize"),
    ("Host names and addresses", r"[Hh]ost ?name|Pod IPs|Host ?IPs|EtcHosts"),
    ("Other node specs", r"\[sig-node\]"),
    ("Jobs", r"\[sig-apps\] (Job|TTLAfterFinished)"),
    ("Deployments, ReplicaSets, DaemonSets", r"\[sig-apps\]"),
    ("Services, names, networking", r"\[sig-network\]"),
    ("kubectl", r"\[sig-cli\]"),
    ("API machinery, auth, quota, scheduling", r""),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How one spec ended: ginkgo's word for it, seconds, and the first line of why."""

    state: str
    seconds: float
    why: str = ""

    @property
    def passed(self) -> bool:
        return self.state == "passed"

    @property
    def cut_off(self) -> bool:
        """Whether the run ended before the spec did: nothing is known of it."""
        return self.state in ("interrupted", "aborted") or "suite timeout" in self.why


def read(path: Path) -> dict[str, Outcome]:
    """
    Read ginkgo's JSON report: the outcome of each spec that was run, by its whole name.

    Specs that the focus left out are not in it. Of two specs with one name the worse counts.
    """
    found: dict[str, Outcome] = {}
    for suite in json.loads(path.read_text(encoding="utf-8")):
        for spec in suite.get("SpecReports") or ():
            if spec["LeafNodeType"] != "It" or (not spec.get("NumAttempts") and spec["State"] == "skipped"):
                continue
            name, outcome = name_of(spec), _outcome(spec)
            if name not in found or found[name].passed:
                found[name] = outcome
    return found


def names(path: Path) -> list[str]:
    """Return the whole names of all specs in a report, those that were not run too."""
    reports = json.loads(path.read_text(encoding="utf-8"))
    return [
        name_of(spec)
        for suite in reports
        for spec in suite.get("SpecReports") or ()
        if spec["LeafNodeType"] == "It"
    ]


def name_of(spec: Mapping[str, object]) -> str:
    """Return the whole name of a spec: the texts of what is around it, and its own."""
    texts = [*(spec.get("ContainerHierarchyTexts") or ()), spec["LeafNodeText"]]  # type: ignore[misc]
    return " ".join(str(text) for text in texts if text)


def _outcome(spec: Mapping[str, object]) -> Outcome:
    failure = spec.get("Failure")
    message = str(failure.get("Message", "")) if isinstance(failure, dict) else ""
    why = next((line.strip() for line in message.splitlines() if line.strip()), "")
    return Outcome(str(spec["State"]), float(str(spec.get("RunTime") or 0)) / 1e9, why[:300])


def judge(asked: Collection[str], outcomes: Mapping[str, Outcome], lists: Lists) -> list[str]:
    """
    Hold outcomes against the lists.

    Args:
        asked: The specs of this run; a part of the lists.

    Returns:
        One line for each spec that did not end as its list says: empty when all did.
    """
    lines = []
    for name in sorted(asked):
        outcome = outcomes.get(name)
        if outcome is None:
            lines.append(f"not run: {name}")
        elif name in lists.must_pass and not outcome.passed:
            lines.append(f"{outcome.state}, must pass: {name}\n    {outcome.why}")
        elif name in lists.cannot and outcome.passed:
            lines.append(f"passes now, move it to the list of those that must: {name}")
        elif name in lists.cannot and (lists.cannot[name].ends == "skipped") != (outcome.state == "skipped"):
            lines.append(
                f"{outcome.state}, where the list says {lists.cannot[name].ends}: {name}\n    {outcome.why}"
            )
    return lines


def group_of(name: str) -> str:
    """Return the group under which a spec is counted."""
    return next(title for title, pattern in GROUPS if re.search(pattern, name))


def table(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return ``passed / asked`` by group, and of upstream's own two marks; skipped specs were not asked after all."""
    ran = {name: outcome for name, outcome in outcomes.items() if outcome.state != "skipped"}
    rows = [(title, [o for n, o in ran.items() if group_of(n) == title]) for title, _ in GROUPS]
    for mark in ("[NodeConformance]", "[Conformance]"):
        rows.append((mark, [outcome for name, outcome in ran.items() if mark in name]))
    rows.append(("all", list(ran.values())))
    lines = [f"{sum(o.passed for o in of):5} / {len(of):<5} {title}" for title, of in rows if of]
    skipped = len(outcomes) - len(ran)
    return [*lines, f"{skipped:5}         skipped themselves"] if skipped else lines
