"""Makes the folder of a new exercise: it runs as it stands, and the starter scores 0."""

from __future__ import annotations

import re
from pathlib import Path

from podlab.errors import CheckError
from podlab.grading import loading

_TOML = """\
title = "{title}"
kind = "repair"
outcomes = []
points = 1
minutes = 5
notebook = ""

[fence.locked]
app = ["image", "command", "args"]

[[checks]]
id = "ended"
text = "the Pod ended by itself, phase Succeeded"
points = 1
expected = "Succeeded"
hint = 1
"""
_STARTER = """\
apiVersion: v1
kind: Pod
metadata:
  name: {title}
spec:
  restartPolicy: Always
  containers:
    - name: app
      image: busybox:1.36
      command: [sh, -c, "echo done"]
"""
_FILES = {
    "exercise.toml": _TOML,
    "ask.md": "Let the Pod end once its work is done.\n",
    "hints.md": "1. Look at the phase.\n2. Whose restartPolicy is it?\n3. Write `restartPolicy: Never`.\n",
    "debrief.md": "A Pod ends when none of its app containers runs or will run again.\n",
    "starter.yaml": _STARTER,
    "play.yaml": "steps:\n  - apply: answer\n  - wait: {{ended: true}}\n    within_s: 15\n",
    "checks.py": '''\
"""{name}: judged by the recorded life of the Pod."""

from podlab.checks import Case, Finding, check


@check("ended")
def ended(case: Case) -> Finding:
    life = case.life()
    return Finding(life.phase == "Succeeded", found=f"phase {{life.phase}}")
''',
}


def make(name: str) -> Path:
    """
    Make ``labs/exercises/NAME`` in the first course folder and return it.

    Raises:
        CheckError: The name is not like ``e40-my-title``, or is taken.
    """
    match = re.fullmatch(r"(e\d{2,3})-([a-z0-9][a-z0-9-]*)", name)
    if match is None:
        raise CheckError(
            f"{name!r} is not a valid name for an exercise", hint="podlab exercise new e40-my-title"
        )
    if match[1] in loading.folders():
        raise CheckError(f"exercise {match[1]} already exists", cause=str(loading.folders()[match[1]].name))
    folder = loading.courses()[0] / name
    answer = _STARTER.format(title=match[2])
    for file, text in _FILES.items():
        _write(folder / file, text.format(name=name, title=match[2]))
    for policy in ("Never", "OnFailure"):
        text = answer.replace("Always", policy)
        _write(folder / f"answers/right/{policy.lower()}.yaml", f"# earns 1\n{text}")
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
