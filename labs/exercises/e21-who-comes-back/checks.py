"""e21 who-comes-back: yes or no and a phase for each Pod, against what was recorded."""

import re
from collections.abc import Mapping

from podlab.checks import Case, Finding, Life, check
from podlab.checks.case import plain

ENDS = {
    "a": "fetch",
    "b": "fetch",
    "c": "proxy",
    "d": "proxy",
    "e": "proxy",
    "f": "shop",
    "g": "helper",
    "h": "helper",
}
PHASES = {"pending", "running", "succeeded", "failed", "unknown"}
STATUS_WORDS = ("completed", "error", "crashloopbackoff", "notready", "terminated")
SIDECARS, ONCE = ("c", "d", "e"), ("f", "g", "h")


def words(case: Case, pod: str) -> set[str]:
    """Return the words of the line that begins with the Pod's name, or of a map below that name."""
    lines = [re.findall(r"[a-z]+", line.lower()) for line in case.answer.text.splitlines()]
    below = [plain(value) for key, value in case.answer.choices.items() if plain(key).startswith(f"{pod}.")]
    return {word for line in lines if line[:1] == [pod] for word in line[1:]} | set(below)


def items(case: Case, known: set[str]) -> dict[str, set[str]]:
    """Return Pod -> those of its words that are *known*; Pods without one are left open."""
    found = {pod: words(case, pod) & known for pod in ENDS}
    return {pod: said for pod, said in found.items() if said}


def scored(
    life: Life, said: Mapping[str, set[str]], truth: Mapping[str, str], what: str
) -> tuple[Finding, set[str]]:
    """Return the finding, right ones minus wrong ones, and the Pods that are wrong."""
    if not life.reached("settled"):
        return Finding(None, "the Pods did not come to rest in time"), set()
    right = {pod for pod in said if said[pod] == {truth[pod]}}
    wrong = set(said) - right
    left = f", {len(ENDS) - len(said)} left open" if len(said) < len(ENDS) else ""
    found = f"{what} is not right for {', '.join(sorted(wrong)) or 'none'}{left}"
    return Finding.counted(max(0, len(right) - len(wrong)), len(ENDS), found=found), wrong


@check("back")
def back(case: Case) -> Finding:
    """A restart count of 1 or more is a yes."""
    life = case.life()
    truth = {pod: "yes" if life.restarts(name, pod) else "no" for pod, name in ENDS.items()}
    finding, wrong = scored(life, items(case, {"yes", "no"}), truth, "yes or no")
    return with_hint(finding, 2 if wrong & set(SIDECARS) else 1)


@check("phase")
def phase(case: Case) -> Finding:
    """Words of kubectl's STATUS column are not phases."""
    life = case.life()
    truth = {pod: life.timeline(pod).phase.lower() for pod in ENDS}
    said = items(case, PHASES | set(STATUS_WORDS))
    finding, wrong = scored(life, said, truth, "the phase")
    status = any(said[pod] & set(STATUS_WORDS) for pod in said)
    why = (
        "Completed, Error and CrashLoopBackOff are words of kubectl's STATUS column, not phases"
        if status
        else ""
    )
    return with_hint(finding, 1 if wrong and wrong <= set(ONCE) else 3, why)


def with_hint(finding: Finding, hint: int, why: str = "") -> Finding:
    """Return the finding with the hint that fits the Pods that are wrong."""
    return Finding(finding.holds, finding.found, why, hint, finding.share)
