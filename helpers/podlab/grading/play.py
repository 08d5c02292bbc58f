"""
The play: what is applied, what is done to it, until when. It ends in a recording, never in a judgement.

    steps:
      - start: db                                   # a fixture
      - apply: answer
      - wait: {running: [shop, shipper]}
        within_s: 20
      - kill: shipper
      - wait: {ended: true}
        within_s: 45

A step has one verb and may have ``as`` (its name for checks), ``within_s`` (its deadline), ``pod`` (the Pod it acts
on), ``only`` (the run that it belongs to: it is left out in all others) and ``if`` (an earlier step: without that one
having been reached, this one is left out); ``kill`` may have ``signal: KILL``, which needs a run that shares its
processes: a process 1 takes no SIGKILL from inside. A wait whose deadline passes does not end the play: the step is
noted as not reached, and checks judge that. A node that still prepares the next container is waited for, and on a slow
cluster a deadline is later (see ``pace``), unless the step is ``strict: true``: then it is part of what is played. Only
a fixture that does not start, a node that does not get on, or a cluster that does not answer ends it: then the answer
is not gradable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podlab import manifests
from podlab.errors import CheckError, ManifestError

DEADLINE_S = 30.0
MOST_STEPS = 60
VERBS = (
    "start", "stop", "apply", "wait", "pause", "kill", "exec", "delete", "patch", "look", "rollout",
)  # fmt: skip
CONDITIONS = (
    "running", "started", "ended", "ready", "phase", "restarts", "reason", "gone", "away", "line", "condition", "lost",
    "settled", "began", "back", "still_s",
)  # fmt: skip
_OPTIONS = ("as", "within_s", "strict", "pod", "only", "if", "signal")
SIGNALS = ("TERM", "KILL")


@dataclass(frozen=True)
class Step:
    """
    One step: its verb, what the verb is given, its name, deadline and Pod, and the signal of a kill.

    ``strict``: the deadline is part of the play, and is not stretched where the cluster is slow. ``only``: the name of
    the run that it belongs to; empty for all.
    """

    verb: str
    what: Any
    name: str
    within_s: float
    pod: str
    after: str = ""
    signal: str = "TERM"
    strict: bool = False
    only: str = ""

    @property
    def containers(self) -> tuple[str, ...]:
        """The container that the step acts on, if it acts on one."""
        if self.verb == "kill":
            return (str(self.what),)
        return (str(self.what["container"]),) if self.verb == "exec" else ()


def read(text: str, *, source: str) -> list[Step]:
    """
    Return the steps of a play.yaml, values already put in.

    Raises:
        CheckError: Names file and line of the first step that cannot be read.
    """
    try:
        value, lines = manifests.document(text, source=source)
    except ManifestError as error:
        raise CheckError(error.summary, cause=error.cause, hint=error.hint) from error
    rows = value.get("steps") if isinstance(value, Mapping) else None
    if not isinstance(rows, list) or not rows or set(value) != {"steps"} or len(rows) > MOST_STEPS:
        raise CheckError(f"{source}, line 1: a play is 'steps:' and a list of 1 to {MOST_STEPS} steps")
    names: dict[str, int] = {}
    taken: list[str] = []
    return [
        _step(row, names, taken, f"{source}, line {lines.get(f'steps[{n}]', 1)}")
        for n, row in enumerate(rows)
    ]


def _step(row: Any, names: dict[str, int], taken: list[str], where: str) -> Step:
    if not isinstance(row, Mapping):
        raise CheckError(f"{where}: a step is a mapping such as  kill: shipper")
    verbs = [key for key in row if key in VERBS]
    strange = sorted(set(row) - set(VERBS) - set(_OPTIONS))
    if len(verbs) != 1 or strange:
        raise CheckError(
            f"{where}: a step has one verb" + (f"; unknown: {', '.join(strange)}" if strange else ""),
            cause=f"verbs: {', '.join(VERBS)}; options: {', '.join(_OPTIONS)}",
        )
    verb = verbs[0]
    _known_conditions(verb, row[verb], where)
    names[verb] = names.get(verb, 0) + 1
    name = str(row.get("as") or (verb if names[verb] == 1 else f"{verb}-{names[verb]}"))
    within = row.get("within_s", DEADLINE_S)
    if not isinstance(within, int | float) or isinstance(within, bool) or not 0 < within <= 600:
        raise CheckError(f"{where}: within_s is a number of seconds up to 600")
    strict = row.get("strict", False)
    if not isinstance(strict, bool) or (strict and verb != "wait"):
        raise CheckError(f"{where}: strict belongs to wait, and is true or false")
    after = str(row.get("if") or "")
    if after and after not in taken:
        raise CheckError(f"{where}: 'if' names no earlier step {after!r}", cause=f"steps: {', '.join(taken)}")
    taken.append(name)
    signal = str(row.get("signal", "TERM"))
    if signal not in SIGNALS or ("signal" in row and verb != "kill"):
        raise CheckError(f"{where}: signal belongs to kill, and is one of {', '.join(SIGNALS)}")
    only = str(row.get("only") or "")
    return Step(verb, row[verb], name, float(within), str(row.get("pod") or ""), after, signal, strict, only)


def _known_conditions(verb: str, what: Any, where: str) -> None:
    if verb != "wait":
        return
    strange = sorted(set(what) - set(CONDITIONS)) if isinstance(what, Mapping) else ["?"]
    if strange or not what:
        raise CheckError(
            f"{where}: cannot wait for {', '.join(strange) or 'nothing'}",
            cause=f"conditions: {', '.join(CONDITIONS)}",
        )


def fixture_docs(
    texts: Sequence[tuple[str, str]],
) -> dict[str, list[manifests.Manifest]]:
    """
    Return fixture name -> its objects.

    Args:
        texts: (source, rendered text) of each fixtures file. An object belongs to the fixture that its label
            ``podlab/fixture`` names, else to the one of its own name.

    Raises:
        CheckError: A file cannot be read as manifests.
    """
    found: dict[str, list[manifests.Manifest]] = {}
    for source, text in texts:
        try:
            loaded = manifests.load(text + "\n", source=source)
        except ManifestError as error:
            raise CheckError(error.summary, cause=error.cause, hint=error.hint) from error
        for each in loaded:
            labels = each.object["metadata"].get("labels") or {}
            found.setdefault(str(labels.get("podlab/fixture", each.name)), []).append(each)
    return found
