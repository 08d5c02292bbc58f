"""
Hostile and odd submissions: notebooks, archives and names, by family, each with the verdict that it must get.

A submission is what lies in a student's folder of a download. It answers two exercises: e14, whose right answer needs
a cluster, and e26, which is judged without one. The starter of both is worth nothing, so an attack on an unchanged
notebook must get 0; ``honest`` submissions hold right answers, and must keep every point whatever happened to them.
"""

# ruff: noqa: E501  (texts of attacks are kept on one line each)
from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from attack_corpus import starter

from podlab.assignments import blueprint, release
from podlab.assignments.blueprint import Blueprint
from podlab.grading.prove import samples

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "two.toml"
OPEN, NOTHING = "not gradable", ("refused", "not answered")
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Handed:
    """
    One submission and its verdict.

    Attributes:
        files: Path below the student's folder -> content; all of it is handed in.
        e26: The points of e26, exactly.
        e14: States of e14, of which it must have one; ``not gradable`` says that the answer went to the cluster.
        fault: Words of the reason why nothing could be read; empty where something could.
        honest: Whether right answers were handed in, which must be found whole.
    """

    family: str
    name: str
    files: Mapping[str, bytes]
    e26: float = 0
    e14: tuple[str, ...] = NOTHING
    fault: str = ""
    honest: bool = False

    @property
    def id(self) -> str:
        """The name of a test."""
        return f"{self.family}-{self.name}"


@cache
def plan() -> Blueprint:
    """The assignment of both exercises."""
    return blueprint.read(BLUEPRINT)


@cache
def _released() -> str:
    """The learners' notebook as JSON."""
    return json.dumps(release.notebook(plan(), plan().parts("everybody"), "everybody"))


@cache
def right(exercise: str) -> str:
    """The right answer of an exercise, in the variant of this assignment."""
    part = next(each for each in plan().parts("everybody") if each.exercise.id == exercise)
    return next(s.text for s in samples(part.exercise, part.seed) if s.kind == "right")


def notebook(**answers: str) -> Notebook:
    """The released notebook with these answers in it."""
    body: Notebook = json.loads(_released())
    for cell in body["cells"]:
        name = cell["metadata"].get("podlab", {}).get("exercise")
        if cell["cell_type"] == "code" and name in answers:
            cell["source"] = f"%%exercise {name}\n{answers[name]}"
    return body


def solved() -> Notebook:
    """The notebook with right answers."""
    return notebook(e14=right("e14"), e26=right("e26"))


def cell(body: Notebook, exercise: str) -> dict[str, Any]:
    """The answer cell of an exercise."""
    return next(each for each in body["cells"] if each.get("id") == f"{exercise}-answer")


def code(source: str, **more: Any) -> dict[str, Any]:
    """Return a code cell of the student's own."""
    return {
        "cell_type": "code",
        "id": "mine",
        "metadata": {},
        "execution_count": 1,
        "outputs": [],
        "source": source,
        **more,
    }


def as_file(body: Any, name: str = "two.ipynb") -> dict[str, bytes]:
    """Return one file that is handed in."""
    return {name: json.dumps(body).encode("utf-8", "surrogatepass")}


def zipped(entries: Mapping[str, bytes | None], **modes: int) -> bytes:
    """Return a zip; a value of None is a folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = modes.get("mode", 0o100644) << 16
            archive.writestr(entry, data or b"")
    return out.getvalue()


# -- attacks ---------------------------------------------------------------------------------------------------

CANARY = "podlab-attack-was-run"
"""A file of this name, in the current folder or in /tmp, proves that something of a submission was run."""
_TOUCH = f"open({CANARY!r}, 'w').close(); open('/tmp/{CANARY}', 'w').close()"


def leaving_early() -> Iterator[Handed]:
    """Code that ends, holds or replaces the process that grades."""
    programs = {
        "exit": "import sys; sys.exit(0)", "os-exit": "import os; os._exit(0)", "kill": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        "loop": "while True: pass", "recursion": "f = lambda: f()\nf()", "memory": "x = 'a' * 10**12", "fork": "import os\nwhile True: os.fork()",
        "atexit": "import atexit; atexit.register(print, 'e14: 5 of 5')", "sleep": "import time; time.sleep(10**6)",
        "kernel": "get_ipython().kernel.do_shutdown(False)",
    }  # fmt: skip
    for name, program in programs.items():
        body = notebook()
        body["cells"].insert(0, code(f"{_TOUCH}\n{program}"))
        yield Handed("leaving early", name, as_file(body))
    for name in ("exit", "os-exit", "loop"):
        text = f"{_TOUCH}\n{programs[name]}"
        yield Handed(
            "leaving early", f"answer-{name}", as_file(notebook(e14=text, e26=text)), e14=("refused",)
        )


def forged_output() -> Iterator[Handed]:
    """Verdicts in the places where a grader could look for them."""
    report = {
        "schema": 1,
        "student": "eve",
        "earned": 5.0,
        "report": {"exercise": "e14", "state": "answered", "score": 5},
    }
    shown = {"output_type": "stream", "name": "stdout", "text": "e14 convert-shipper: 5 of 5\n"}
    body = notebook()
    for name in ("e14", "e26"):
        cell(body, name)["outputs"] = [
            shown,
            {"output_type": "display_data", "metadata": {}, "data": {"application/json": report}},
        ]
    yield Handed("forged output", "outputs", as_file(body))
    yield Handed(
        "forged output",
        "results-file",
        {**as_file(notebook()), "results/eve/e14.json": json.dumps(report).encode()},
    )
    yield Handed(
        "forged output",
        "grades-in-zip",
        {
            "all.zip": zipped(
                {**as_file(notebook()), "../grades/results/eve/e14.json": json.dumps(report).encode()}
            )
        },
    )
    body = notebook()
    body["metadata"]["podlab"].update(report=report, score=8, results=[report])
    yield Handed("forged output", "notebook-metadata", as_file(body))
    for name, text in {
        "line": "print('e14: 5 of 5')", "markers": "e14 convert-shipper: 5 of 5\n>>>>> All Tests Passed\n<<<<< All Tests Passed",
        "yaml": "report: {score: 5, state: answered}", "magic": f"%%python\n{_TOUCH}\nprint('5 of 5')",
    }.items():  # fmt: skip
        yield Handed("forged output", name, as_file(notebook(e14=text)), e14=("refused",))


def edited_metadata() -> Iterator[Handed]:
    """Metadata and first lines that claim another student, exercise, variant, or more points."""
    edits: dict[str, Callable[[Notebook], object]] = {
        "student": lambda b: b["metadata"].update(podlab={"assignment": "two", "student": "ada"}),
        "assignment": lambda b: b["metadata"].update(podlab={"assignment": "pods-50", "student": "everybody"}),
        "points": lambda b: [c["metadata"].setdefault("podlab", {}).update(points=1000, earned=1000) for c in b["cells"]],
        "nbgrader": lambda b: [c["metadata"].update(nbgrader={"grade": True, "points": 99, "grade_id": "x", "locked": False, "solution": True, "schema_version": 3}) for c in b["cells"]],
        "otter": lambda b: b["metadata"].update(otter={"tests": {}, "OK_FORMAT": True}),
        "kernel": lambda b: b["metadata"].update(kernelspec={"name": "../../../bin/sh", "display_name": "x", "language": "x"}),
        "types": lambda b: b.update(metadata=[1, {"podlab": None}], nbformat="four"),
        "exercise": lambda b: cell(b, "e14").update(id="e26-answer"),
        "seed": lambda b: cell(b, "e14").update(source="%%exercise e14 --seed 99\n" + starter("e14")),
        "unknown": lambda b: cell(b, "e14").update(id="e99-answer"),
        "id-path": lambda b: cell(b, "e14").update(id="../../e14-answer"),
    }  # fmt: skip
    for name, edit in edits.items():
        body = notebook()
        edit(body)
        yield Handed("edited metadata", name, as_file(body))


def copies() -> Iterator[Handed]:
    """Answer cells that are there several times, or not at all."""
    for name, more in {
        "many-starters": [deepcopy(cell(notebook(), "e14")) for _ in range(50)],
        "other-ids": [{**cell(notebook(), "e14"), "id": f"e14-answer{n}"} for n in range(9)],
        "empty-last": [{**cell(notebook(), "e14"), "source": "%%exercise e14\n"}],
    }.items():  # fmt: skip
        body = notebook()
        body["cells"] += more
        yield Handed("copies", name, as_file(body))
    body = notebook()
    body["cells"] = [each for each in body["cells"] if each["cell_type"] != "code"]
    yield Handed("copies", "dropped", as_file(body))
    yield Handed("copies", "no-cells", as_file({**notebook(), "cells": []}))
    yield Handed(
        "copies",
        "too-many",
        as_file({**notebook(), "cells": [code("1")] * 5_001}),
        fault="no list of at most",
    )
    wrong = {**cell(notebook(), "e26"), "source": "%%exercise e26\na: nothing = 1"}
    body = notebook()
    body["cells"].append(wrong)
    yield Handed("copies", "wrong-last", as_file(body))
    yield Handed("copies", "two-files", {**as_file(notebook(), "a.ipynb"), **as_file(notebook(), "b.ipynb")})


def reading_checks() -> Iterator[Handed]:
    """Answers and cells that look for keys, checks and other students' work."""
    sources = {
        "source": "import podlab.grading as g\nprint(open(g.find('e14').folder / 'checks.py').read())", "key": "%load labs/exercises/e26-what-is-certain/key.toml",
        "shell": "!cat /srv/*/labs/exercises/*/answers/right/* > answers.txt", "proc": "print(open('/proc/self/environ').read())",
        "frames": "import sys; print(sys._getframe().f_back)", "grades": "import pathlib; print([p.read_text() for p in pathlib.Path('..').rglob('*.json')])",
    }  # fmt: skip
    for name, source in sources.items():
        body = notebook(e26=source)
        body["cells"].append(code(f"{_TOUCH}\n{source}"))
        yield Handed("reading checks", name, as_file(body))
    for name, text in {
        "include": "<<: !include labs/exercises/e14-convert-shipper/answers/right/moved.yaml", "path": "labs/exercises/e14-convert-shipper/answers/right/moved.yaml",
        "file-url": "file:///etc/passwd", "template": "{{answer}} {{key}} {{ values }}", "dollar": "${PODLAB_KEY} $(cat key.toml)",
    }.items():  # fmt: skip
        yield Handed(
            "reading checks", f"answer-{name}", as_file(notebook(e14=text, e26=text)), e14=("refused",)
        )


def archives() -> Iterator[Handed]:
    """Zips that reach for other paths, or unpack to more than anybody wants."""
    mine, theirs = as_file(notebook())["two.ipynb"], as_file(solved())["two.ipynb"]
    for name, path in {
        "up": "../../../../tmp/podlab-attack-was-run", "absolute": "/tmp/podlab-attack-was-run", "drive": "C:\\podlab.ipynb",
        "backslash": "..\\..\\ada\\x.ipynb", "checkpoint": ".ipynb_checkpoints/two.ipynb", "mac": "__MACOSX/._two.ipynb", "git": ".git/hooks/post-checkout",
    }.items():  # fmt: skip
        yield Handed(
            "archives",
            name,
            {
                "x.zip": zipped(
                    {"two.ipynb": mine, path: theirs if "ipynb" in path and "/two" in path else b"#!"}
                )
            },
        )
    yield Handed(
        "archives",
        "symlink",
        {"x.zip": zipped({"two.ipynb": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)},
        fault="cannot be read as a notebook",
    )
    yield Handed(
        "archives",
        "device",
        {"x.zip": zipped({"two.ipynb": b""}, mode=stat.S_IFCHR | 0o666)},
        fault="cannot be read as a notebook",
    )
    yield Handed(
        "archives",
        "many",
        {"x.zip": zipped({f"{n}.ipynb": b"" for n in range(10_000)})},
        fault="10000 entries",
    )
    yield Handed(
        "archives", "bomb", {"x.zip": zipped({"two.ipynb": b"0" * (21 << 20)})}, fault="unpacks to more than"
    )
    nested = mine
    for depth in range(5):
        nested = zipped({"two.ipynb" if not depth else "x.zip": nested})
    yield Handed("archives", "nested", {"x.zip": nested}, fault="a zip in more than 2 other zips")
    yield Handed(
        "archives", "cut", {"x.zip": zipped({"two.ipynb": mine})[:-30]}, fault="cannot be read as a zip"
    )
    damaged = bytearray(zipped({"two.ipynb": mine}))
    damaged[60:90] = b"\xff" * 30
    yield Handed("archives", "damaged", {"x.zip": bytes(damaged)}, fault="cannot be read")
    yield Handed("archives", "no-zip", {"x.zip": mine}, fault="cannot be read as a zip")
    yield Handed("archives", "double", {"x.zip": zipped({"a/two.ipynb": mine, "b/two.ipynb": mine})})


def forged_archives() -> Iterator[Handed]:
    """Zips whose parts say different things: of a password, a method, a name, or of what comes before."""
    plain = zipped(as_file(notebook()))
    middle = plain.index(b"PK\x01\x02")

    def both(at: int, value: bytes) -> bytes:
        """Write *value* at an offset of the local header, and into the directory, where fields lie two bytes later."""
        body = bytearray(plain)
        body[at : at + len(value)] = body[middle + at + 2 : middle + at + 2 + len(value)] = value
        return bytes(body)

    yield Handed("archives", "password", {"x.zip": both(6, b"\x01\x00")}, fault="cannot be read")
    yield Handed("archives", "method", {"x.zip": both(8, b"\x63\x00")}, fault="cannot be read")
    other = plain.replace(b"two.ipynb", b"ten.ipynb", 1)
    yield Handed("archives", "two-names", {"x.zip": other}, fault="cannot be read")
    yield Handed("archives", "behind-a-picture", {"x.zip": b"\x89PNG\r\n\x1a\n" + bytes(500) + plain})
    yield Handed("archives", "behind-a-zip", {"x.zip": zipped(as_file(solved(), "ada.ipynb")) + plain})


def other_names() -> Iterator[Handed]:
    """Names and lists by which a submission is to count as the witness's, so that it replaces or spoils that one."""
    wrong = json.dumps(notebook(e14="kind: [", e26="a: nothing = 1")).encode()
    listed = "{}:\n  :submitters:\n  - :name: ada\n    :sid: ada\n    :email: ada@example.org\n"
    for name, files in {
        "list": {"submission_metadata.yml": listed.format("a").encode(), "a/two.ipynb": wrong},
        "list-of-itself": {"submission_metadata.yml": listed.format("'.'").encode(), "two.ipynb": wrong},
        "list-in-a-zip": {"x.zip": zipped({"submission_metadata.yml": listed.format("a").encode(), "a/two.ipynb": wrong})},
        "file": {"ada.ipynb": wrong}, "zip": {"ada.zip": zipped({"two.ipynb": wrong})},
        "as-canvas": {"ada_1234_5678_two.ipynb": wrong}, "as-moodle": {"ada_1234_assignsubmission_file_.ipynb": wrong},
        "wide-letters": {"\uff41\uff44\uff41.ipynb": wrong},
    }.items():  # fmt: skip
        yield Handed("other names", name, files, e14=("refused",))


def steering_names() -> Iterator[Handed]:
    """Names of files that would clear an instructor's terminal, or write a line of their own into its output."""
    for name, text in {
        "line": "a\n  ada: not gradable", "escape": "\x1b[2J\x1b]0;owned\x07", "return": "x\rada: 8 of 8",
        "turned": "\u202ebnypi", "separator": "a\u2028b", "bell": "\x07" * 50,
    }.items():  # fmt: skip
        yield Handed("steering names", name, as_file(notebook(), f"{text}.ipynb"))
        body = notebook()
        body["metadata"]["podlab"] = {"assignment": text, "student": text}
        yield Handed("steering names", f"{name}-of-an-assignment", as_file(body))
        yield Handed("steering names", f"{name}-broken", {f"{text}.ipynb": b"{"}, fault="notebook")
        inner = {f"{text}.ipynb": b"{"}
        yield Handed("steering names", f"{name}-in-a-zip", {"x.zip": zipped(inner)}, fault="notebook")


def broken() -> Iterator[Handed]:
    """Files that only claim to be notebooks."""
    for name, data in {
        "empty": b"", "brace": b"{", "list": b"[]", "null": b"null", "binary": bytes(range(256)), "deep": b'{"cells": ' + b"[" * 100_000,
        "html": b"<html><script>alert(1)</script>", "number": b"1e999999", "python": _TOUCH.encode(), "cells": b'{"cells": {"a": 1}}',
        "huge": b'{"cells": ["' + b"x" * (21 << 20) + b'"]}', "pickle": b"\x80\x04cposix\nsystem\n(S'touch x'\ntR.", "utf16": '{"cells": []}'.encode("utf-16-be")[:-1],
    }.items():  # fmt: skip
        yield Handed("broken", name, {"two.ipynb": data}, fault="MiB" if name == "huge" else "notebook")


def scripts() -> Iterator[Handed]:
    """Active content in names and texts, for the pages that an instructor opens."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    yield Handed("scripts", "answer", as_file(notebook(e14=evil, e26=evil)), e14=("refused",))
    yield Handed("scripts", "file-name", as_file(notebook(), "<img src=x onerror=alert(2)>.ipynb"))
    yield Handed(
        "scripts",
        "formula",
        as_file(notebook(e14="=cmd|' /C calc'!A0", e26="=1+1"), "=1+1.ipynb"),
        e14=("refused",),
    )
    yield Handed(
        "scripts",
        "terminal",
        as_file(notebook(e14="\x1b]0;owned\x07\x1b[2J", e26="\x1b[2J")),
        e14=("refused",),
    )
    yield Handed(
        "scripts", "surrogate", as_file(notebook(e14="\ud800", e26="\ud800\udfff")), e14=("refused",)
    )
    yield Handed("scripts", "right-to-left", as_file(notebook(e26="\u202e" + right("e26")[::-1])))
    yield Handed(
        "scripts",
        "container-name",
        as_file(notebook(e14=right("e14").replace("shipper", evil))),
        e14=("refused",),
    )
    yield Handed(
        "scripts",
        "markup-of-output",
        as_file(
            {
                **notebook(),
                "cells": [
                    *notebook()["cells"],
                    code(
                        "1",
                        outputs=[
                            {"output_type": "display_data", "metadata": {}, "data": {"text/html": evil}}
                        ],
                    ),
                ],
            }
        ),
    )


ATTACKS = (
    leaving_early, forged_output, edited_metadata, copies, reading_checks, archives, forged_archives, other_names,
    steering_names, broken, scripts,
)  # fmt: skip


def attacks() -> list[Handed]:
    """Return all attacks by submission."""
    return [each for family in ATTACKS for each in family()]


# -- honest ----------------------------------------------------------------------------------------------------


def _every(change: Callable[[dict[str, Any]], object]) -> Callable[[Notebook], object]:
    return lambda body: [change(each) for each in body["cells"]]


def _worksheets(body: Notebook) -> None:
    """As Jupyter of 2014 wrote it."""
    rows = [
        {**each, "input": each["source"]} if each["cell_type"] == "code" else each
        for each in body.pop("cells")
    ]
    for each in rows:
        if each["cell_type"] == "code":
            del each["source"]
            each.pop("id", None)
    body.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": rows}])


ODD: Mapping[str, Callable[[Notebook], object]] = {
    "as-released": lambda _b: None,
    "reversed": lambda b: b["cells"].reverse(),
    "no-ids": _every(lambda c: c.pop("id")),
    "no-metadata": _every(lambda c: c.update(metadata={})),
    "no-notebook-metadata": lambda b: b.update(metadata={}),
    "lines": _every(lambda c: c.update(source=c["source"].splitlines(keepends=True))),
    "as-raw": lambda b: cell(b, "e14").update(cell_type="raw"),
    "as-markdown": lambda b: cell(b, "e26").update(cell_type="markdown"),
    "crlf": _every(lambda c: c.update(source=c["source"].replace("\n", "\r\n"))),
    "blank-lines": lambda b: cell(b, "e14").update(source="\n\n" + cell(b, "e14")["source"] + "\n\n\n"),
    "outputs": _every(lambda c: c.update(outputs=[{"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\x1b[31mno"]}])),
    "own-cells": lambda b: [b["cells"].insert(n, code("1/0\n%%bash\nrm -rf x", id=f"o{n}")) for n in range(0, 9, 2)],
    "questions-dropped": lambda b: b.update(cells=[c for c in b["cells"] if not str(c.get("id")).endswith(("-ask", "head"))]),
    "copy-before": lambda b: b["cells"].insert(0, {**cell(b, "e14"), "id": "copy", "source": "%%exercise e14\n# first try\n"}),
    "starter-after": lambda b: b["cells"].append(cell(notebook(), "e14")),
    "empty-copy-after": lambda b: b["cells"].append({**cell(b, "e14"), "source": "%%exercise e14\n\n"}),
    "comments": lambda b: cell(b, "e14").update(source=cell(b, "e14")["source"].replace("\n", "  # my comment\n", 9)),
    "comment-above": lambda b: cell(b, "e14").update(source="# my answer\n\n" + cell(b, "e14")["source"]),
    "widgets": lambda b: b["metadata"].update(widgets={"state": {"x": 1}}, colab={"name": "x"}),
    "kernel-renamed": lambda b: b["metadata"].update(kernelspec={"name": "venv-311", "display_name": "mine", "language": "python"}),
    "attachments": _every(lambda c: c.update(attachments={"a.png": {"image/png": "AAAA"}})),
    "worksheets": _worksheets,
}  # fmt: skip
PACKED: Mapping[str, Callable[[bytes], dict[str, bytes]]] = {
    "renamed": lambda data: {"Kopie von two (3).ipynb": data},
    "unicode": lambda data: {"r\u00e9ponse \u2713 \u4f5c\u4e1a.ipynb": data},
    "folder": lambda data: {"work/deep/er/two.ipynb": data},
    "zip": lambda data: {"two.zip": zipped({"two.ipynb": data})},
    "zip-in-zip": lambda data: {"all.zip": zipped({"two.zip": zipped({"x/two.ipynb": data})})},
    "beside-a-checkpoint": lambda data: {"two.ipynb": data, ".ipynb_checkpoints/two-checkpoint.ipynb": b"{"},
    "beside-other-files": lambda data: {"two.ipynb": data, "notes.txt": b"\xff", "kubeconfig": b"exec: rm", "x.yaml": b"!!python/object:x"},
    "beside-a-broken-one": lambda data: {"two.ipynb": data, "zz-old.ipynb": b"{"},
    "beside-the-starter": lambda data: {"two.ipynb": data, "two-1.ipynb": json.dumps(notebook()).encode()},
    "byte-order-mark": lambda data: {"two.ipynb": b"\xef\xbb\xbf" + data},
}  # fmt: skip


def honest() -> list[Handed]:
    """Return odd submissions of right answers; none of them may lose a point."""
    found = []
    for name, change in ODD.items():
        body = solved()
        change(body)
        found.append(Handed("honest", name, as_file(body), e26=4, e14=(OPEN,), honest=True))
    data = json.dumps(solved()).encode()
    return found + [
        Handed("honest", name, pack(data), e26=4, e14=(OPEN,), honest=True) for name, pack in PACKED.items()
    ]
