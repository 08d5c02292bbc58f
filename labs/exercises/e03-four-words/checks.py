"""e03 four-words: the fields by the key, their values by the recording itself."""

import re
from collections.abc import Mapping
from typing import Any

from podlab.checks import Case, Finding, check

Status = Mapping[str, Any]
QUESTIONS = "abcdef"
# the first word that a field's name or path holds decides; conditions are asked for before the status around them
NAMES = ("containersready", "restartcount", "restartpolicy", "podscheduled", "initialized", "exitcode", "reason",
         "ready", "phase", "status")  # fmt: skip
CONDITIONS = {"ready": "Ready", "initialized": "Initialized", "podscheduled": "PodScheduled",
              "containersready": "ContainersReady"}  # fmt: skip
KUBECTLS = re.compile(r"init:|notready|crashloopbackoff|completed|error", re.IGNORECASE)
_ITEM = re.compile(r"^\s*(?:[-*]|\d+[.)])\s+")


def given(case: Case, question: str) -> tuple[str, str]:
    """Return field and value of one question: from ``a: phase = X``, a map with field and value, or the nth item."""
    choices = case.answer.choices
    if f"{question}.field" in choices:
        return choices[f"{question}.field"], choices.get(f"{question}.value", "")
    items = [line for line in case.answer.text.splitlines() if _ITEM.match(line)]
    at = QUESTIONS.index(question)
    text = choices.get(question) or (_ITEM.sub("", items[at]) if at < len(items) else "")
    field, _, value = re.sub(r"\s*(=|->|→|:\s)\s*", "=", text).partition("=")
    return field, value


def named(field: str) -> str:
    """Return a field's plain name: ``status.conditions[Ready].status`` is ``ready``, by path or by word."""
    text = re.sub(r"[\s_]+", "", field.lower())
    name = next((each for each in NAMES if each in text), text)
    if name not in ("exitcode", "reason"):
        return name
    state = (
        "laststate " if "laststate" in text else "state " if re.search(r"(?<!t)state\b|state\.", text) else ""
    )
    return state + name


def row(status: Status, container: str) -> Mapping[str, Any]:
    """Return the container's row of either list."""
    rows = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]
    return next(each for each in rows if each["name"] == container)


def condition(status: Status, name: str) -> str:
    """Return True or False, as the condition has it."""
    return next(each["status"] for each in status["conditions"] if each["type"] == name)


def ended(of: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the state of the last run that ended."""
    return of["state"].get("terminated") or of["lastState"]["terminated"]  # type: ignore[no-any-return]


def holds(status: Status, container: str, field: str) -> object:
    """Return what a field of *status* holds, by the field's plain name."""
    mine = row(status, container)
    if field in CONDITIONS:
        return condition(status, CONDITIONS[field])
    if field.endswith("reason"):
        return (ended(mine) if field.startswith("last") else next(iter(mine["state"].values())))["reason"]
    if field.endswith("exitcode"):
        return ended(mine)["exitCode"]
    return mine["restartCount"] if field == "restartcount" else status["phase"]


def judged(case: Case, question: str) -> Finding:
    """Field and value, both or nothing: the key knows the fields, and the recording what they hold."""
    pod, container = case.values["pod"]
    field, value = given(case, question)
    if not field.strip():
        return Finding(False, "the answer is empty")
    is_field = case.key.accepts(f"{pod} {question}", named(field))
    truth = holds(case.life(pod).latest(pod)["status"], container, named(field))
    said = {"yes": "true", "no": "false"}.get(value.strip().lower(), value.strip().lower().strip("\"'`"))
    if is_field and said == str(truth).lower():
        return Finding(True)
    found = (
        "the field is right, its value is another one"
        if is_field
        else f"{field.strip()} answers another question"
    )
    kubectls = question in "abc" and bool(KUBECTLS.search(value) or named(field) == "status")
    return Finding(False, found, hint=3 if kubectls else None)


@check("a")
def life_as_a_whole(case: Case) -> Finding:
    """One word of five."""
    return judged(case, "a")


@check("b")
def calls(case: Case) -> Finding:
    """True or False."""
    return judged(case, "b")


@check("c")
def set_up(case: Case) -> Finding:
    """True or False."""
    return judged(case, "c")


@check("d")
def why_not(case: Case) -> Finding:
    """A word."""
    return judged(case, "d")


@check("e")
def code(case: Case) -> Finding:
    """A number."""
    return judged(case, "e")


@check("f")
def again(case: Case) -> Finding:
    """A number."""
    return judged(case, "f")
