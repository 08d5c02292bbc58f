"""
e12 what-is-reserved: three numbers against what the node's kubelet asked for before it took the Pods.

The kubelet refuses Pods that do not fit and writes ``requested: N`` (thousandths of a CPU) into their status; the
Pods of given.yaml ask for a million times as much as those of the question.
"""

import re
from fractions import Fraction

from podlab.checks import Case, Finding, Life, check

TIMES = 1_000_000
ASKED = re.compile(r"resource: cpu, requested: (\d+)")
NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(m|millicores?|cpus?|cores?)?")
MOMENTS = "init containers end before the apps start: the busiest moment counts, not the sum of all"
SIDECAR = "a sidecar counts in every init container after it, and beside the apps"


def reserved(life: Life, pod: str) -> Fraction | None:
    """Return what the kubelet asked for, in thousandths of a CPU of the question; None if it wrote no number."""
    found = ASKED.search(str((life.latest(pod).get("status") or {}).get("message", "")))
    return Fraction(int(found[1]), TIMES) if found else None


def claimed(text: str) -> Fraction | None:
    """Return a number as Kubernetes writes it, in thousandths; ``20m + 5m`` and ``20m + 5m = 25m`` are read too."""
    terms = [NUMBER.fullmatch(term.strip()) for term in text.rpartition("=")[2].split("+")]
    if None in terms:
        return None
    return sum((thousandths(term[1], term[2]) for term in terms if term), Fraction(0))


def thousandths(number: str, unit: str | None) -> Fraction:
    """Return a number with its unit in thousandths of a CPU: without a unit it counts whole CPUs."""
    return Fraction(number) * (1 if (unit or "").startswith("m") else 1000)


def slip(case: Case, pod: str, number: Fraction) -> tuple[str, int]:
    """Name the thought behind a wrong number, and the hint that fits. The truth does not come from here."""
    side, big, app, admin = (int(case.values[name]) for name in ("side", "big", "app", "admin"))
    apps = app + admin if pod == "two-apps" else app
    if number in (apps, app):
        return "only the apps", 1
    if number == side + big + apps:
        return MOMENTS, 1
    if number in (max(big, apps), side + big, big + apps):
        return SIDECAR, 2
    if number >= 700:
        return "limits reserve nothing: requests do", 1
    return MOMENTS, 3


def judged(case: Case, pod: str) -> Finding:
    """Compare one number."""
    truth, text = reserved(case.life(), pod), case.answer.chose(pod)
    number = claimed(text)
    if truth is None:
        return Finding(None, "the node wrote no number")
    if number is None:
        return Finding(False, f"no number in {text!r}" if text else "no number", "write it like 500m or 0.5")
    why, hint = slip(case, pod, number)
    return Finding(number == truth, f"you wrote {text}", why, hint)


@check("plain")
def plain(case: Case) -> Finding:
    """Sidecar first, then the big init container."""
    return judged(case, "plain")


@check("big-first")
def big_first(case: Case) -> Finding:
    """The big init container has ended when the sidecar starts."""
    return judged(case, "big-first")


@check("two-apps")
def two_apps(case: Case) -> Finding:
    """Now the apps and the sidecar are the busiest moment."""
    return judged(case, "two-apps")
