"""A submission is its student's: by its path, by the id that the release wrote into it, at last by the file's name."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from assignment_class import STUDENTS

from podlab.assignments import attribution, blueprint, submissions
from podlab.assignments.attribution import FileClues
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.roster import Student
from podlab.assignments.submissions import Submission

Notebook = Callable[..., dict[str, Any]]
Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path, notebook: Notebook) -> Put:
    """Write a notebook that was released for *student*."""

    def write(path: str, student: str = "ada", answer: str = "fetch | proxy | shop") -> Path:
        body = notebook(e00=answer, e14="")
        body["metadata"]["podlab"]["student"] = student
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(body))
        return file

    return write


def owners(found: Sequence[Submission]) -> dict[str, list[str]]:
    """Student -> files."""
    return {each.student: list(each.sources) for each in found}


@pytest.mark.parametrize("students", [STUDENTS, []], ids=["roster", "no roster"])
def test_a_released_notebook_is_known_by_the_id_in_it(
    put: Put, plan: Blueprint, students: list[Student]
) -> None:
    """The file keeps the assignment's name, which names no student."""
    (found,) = submissions.read([put("small.ipynb")], students, plan)

    assert (found.student, found.known, found.guessed) == ("ada", bool(students), False)
    assert found.notes == ["found by the id in the notebook, not by the name small.ipynb"]
    assert found.answers["e00"] == "fetch | proxy | shop"


@pytest.mark.parametrize("student", ["eve", "../x", "", "x" * 99, "everybody"])
def test_an_id_that_the_roster_lacks_counts_for_nothing(put: Put, plan: Blueprint, student: str) -> None:
    """Neither a stranger's nor one that no roster could hold."""
    (found,) = submissions.read([put("y.ipynb", student)], STUDENTS, plan)

    assert (found.student, found.known, found.guessed) == ("y", False, True)


def test_a_platforms_path_is_believed_before_the_notebook(put: Put, plan: Blueprint) -> None:
    """Whoever hands in a copy of another's notebook hands in for herself, and it is noted."""
    put("down/bob/a.ipynb", "ada")
    put("down/ada/a.ipynb", "ada")
    found = submissions.read([put("x").parent / "down"], STUDENTS, plan)

    assert owners(found) == {"ada": ["ada/a.ipynb"], "bob": ["bob/a.ipynb"]}
    assert found[1].notes == ["the notebook was released for ada"]


@pytest.mark.parametrize("students", [STUDENTS, []], ids=["roster", "no roster"])
def test_nobody_hands_in_for_one_who_has_handed_in(
    put: Put, plan: Blueprint, students: list[Student]
) -> None:
    """An edited id would put another answer in the place of hers: files by name come first."""
    put("down/ada.ipynb", "ada")
    put("down/aaa.ipynb", "ada", answer="shop")
    found = submissions.read([put("x").parent / "down"], students, plan)

    assert owners(found) == {"aaa": ["aaa.ipynb"], "ada": ["ada.ipynb"]}
    assert "another submission has that id" in found[0].notes[0]
    assert found[1].answers["e00"] == "fetch | proxy | shop"


def test_two_files_that_claim_one_student_are_left_to_the_instructor(put: Put, plan: Blueprint) -> None:
    """Which of the two is hers, nobody can see from them."""
    found = submissions.read([put("a.ipynb"), put("b.ipynb")], STUDENTS, plan)

    assert [(each.student, each.known) for each in found] == [("a", False), ("b", False)]


@pytest.fixture
def packed(put: Put, tmp_path: Path) -> Put:
    """Write a zip of notebooks, from path to the student that each claims; or a folder of them."""

    def write(name: str, claims: dict[str, str]) -> Path:
        for path, student in claims.items():
            put(f"{name}.d/{path}", student, answer=path)
        if not name.endswith(".zip"):
            return tmp_path / f"{name}.d"
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path in claims:
                archive.write(tmp_path / f"{name}.d" / path, path)
        return tmp_path / name

    return write


@pytest.mark.parametrize("students", [STUDENTS, []], ids=["roster", "no roster"])
@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("all.zip", {"x.ipynb": "ada", "y.ipynb": "ada"}),
        ("all.zip", {"x.ipynb": "ada", "y.ipynb": "ada", "z.ipynb": "cy"}),
        ("all.zip", {"in/x.ipynb": "ada", "in/y.ipynb": "ada"}),
        ("all.zip", {"in/x_1/hw.ipynb": "ada", "in/y_2/hw.ipynb": "ada"}),
        ("all", {"in/x_1/hw.ipynb": "ada", "in/y_2/hw.ipynb": "ada"}),
        ("all", {"in/x.ipynb": "ada", "in/y.ipynb": "ada", "in/z.ipynb": "cy"}),
    ],
)
def test_two_submissions_of_one_download_that_claim_one_student_are_rivals(
    packed: Put, plan: Blueprint, students: list[Student], name: str, claims: dict[str, str]
) -> None:
    """All have the download's name for want of a better one, and yet they are not of one student."""
    found = submissions.read([packed(name, claims)], students, plan)

    assert "ada" not in owners(found)
    assert ("cy" in owners(found)) is ("cy" in claims.values())
    (rest,) = [each for each in found if each.student != "cy"]
    assert "another submission has that id" in rest.notes[0]


def test_notebooks_of_one_students_zip_are_no_rivals_and_those_of_another_are(
    packed: Put, plan: Blueprint
) -> None:
    """Two notebooks in one student's own zip are hers, beside other zips."""
    own = {"hw.ipynb": "ada", "copy.ipynb": "ada"}
    given = [packed("a.zip", own), packed("b.zip", {"hw.ipynb": "bob"})]

    assert {each.student for each in submissions.read(given, [], plan)} == {"ada", "bob"}
    given.append(packed("c.zip", {"hw.ipynb": "ada"}))
    assert {each.student for each in submissions.read(given, [], plan)} == {"a", "bob", "c"}


def test_a_zip_that_cannot_be_read_has_no_rivals(put: Put, plan: Blueprint, tmp_path: Path) -> None:
    """It has no folders either."""
    (tmp_path / "bad.zip").write_bytes(b"bad")
    found = submissions.read([tmp_path / "bad.zip", put("x.ipynb")], [], plan)

    assert [(each.student, bool(each.fault)) for each in found] == [("ada", False), ("bad", True)]


def test_several_files_in_one_folder_are_of_one_student(put: Put, plan: Blueprint) -> None:
    """Without a roster the folder's name is not an id, but what is in it belongs together."""
    put("down/Ada L_47_assignsubmission_file_/a.ipynb")
    put("down/Ada L_47_assignsubmission_file_/b.ipynb")
    (found,) = submissions.read([put("x").parent / "down"], [], plan)

    assert (found.student, len(found.sources)) == ("ada", 2)


def test_notebooks_of_one_name_are_told_apart_by_their_folders(put: Put, plan: Blueprint) -> None:
    """``podlab grade handed-in/*/small.ipynb``, with one variant for everybody."""
    given = [put(f"in/{name}/small.ipynb", "everybody") for name in ("ada", "eve")]

    assert owners(submissions.read(given, [], plan)) == {
        "ada": ["ada/small.ipynb"],
        "eve": ["eve/small.ipynb"],
    }


def test_zips_of_one_name_are_told_apart_by_their_folders(packed: Put, plan: Blueprint) -> None:
    """``podlab grade handed-in/*/hw.zip``; a level above where the folders have one name, too."""
    book = {"small.ipynb": "everybody"}
    given = [packed(f"{name}/hw.zip", book) for name in ("ada", "eve")]
    given += [packed(f"{name}/in/hw.zip", book) for name in ("x", "y")]
    found = submissions.read(given, [], plan)

    assert owners(found) == {
        name: [f"{folder}/hw.zip/small.ipynb"]
        for name, folder in (("ada", "ada"), ("eve", "eve"), ("x", "x/in"), ("y", "y/in"))
    }
    assert not any(each.guessed for each in found)


def test_a_name_that_two_paths_share_to_the_end_is_told_apart_by_the_longer(
    packed: Put, plan: Blueprint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One path is the end of the other; the order is the one in which they were given, and a path counts once."""
    long, short = (packed(f"{name}/hw.zip", {"a.ipynb": "everybody"}) for name in ("x/in", "in"))
    monkeypatch.chdir(tmp_path)
    (found,) = submissions.read([long, short.relative_to(tmp_path), short], [Student("in")], plan)

    assert found.sources == ["x/in/hw.zip/a.ipynb", f"{tmp_path.name}/in/hw.zip/a.ipynb"]


def test_zips_of_one_name_may_be_of_two_classes(packed: Put, plan: Blueprint) -> None:
    """The folders in them stand for students, as in a zip that is alone."""
    given = [
        packed(f"{day}/all.zip", {f"{name}/a.ipynb": "everybody" for name in names})
        for day, names in (("monday", ("ada", "bob")), ("friday", ("cy", "eve")))
    ]

    assert set(owners(submissions.read(given, [], plan))) == {"ada", "bob", "cy", "eve"}


def test_folders_that_were_given_one_by_one_tell_their_notebooks_apart(put: Put, plan: Blueprint) -> None:
    """``podlab grade ada/ eve/``: only what several of them have needs the folder's name."""
    given = [put(f"in/{name}/hw.ipynb", "everybody").parent for name in ("ada", "eve")]
    put("in/ada/late/bob.ipynb", "everybody")
    found = owners(submissions.read([*given, given[0]], [], plan))

    assert found == {"ada": ["ada/hw.ipynb"], "eve": ["eve/hw.ipynb"], "late": ["late/bob.ipynb"]}


def test_a_notebook_that_was_given_by_itself_may_stand_in_its_students_folder(
    put: Put, plan: Blueprint
) -> None:
    """The roster knows the folder's name; the file's says nothing."""
    (found,) = submissions.read([put("in/bob/small.ipynb", "everybody")], STUDENTS, plan)

    assert (found.student, found.known, found.notes) == ("bob", True, ["found by the folder bob"])


def test_a_zip_of_a_class_is_not_one_student(tmp_path: Path, notebook: Notebook) -> None:
    """Without a roster the folders in it stand for students; a student's own zip stays one."""
    for name, folders in (("class.zip", ("ada", "bob")), ("cy.zip", ("work",))):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for folder in folders:
                archive.writestr(f"{folder}/a.ipynb", json.dumps(notebook(e00="shop")))
        (tmp_path / name).write_bytes(out.getvalue())
    (tmp_path / "one.toml").write_text(
        'title = "One"\nseed = 1\n[[rows]]\nname = "a"\npoints = 1\nchoose = ["e00"]\n'
    )

    found = submissions.read(
        [tmp_path / "class.zip", tmp_path / "cy.zip"], [], blueprint.read(tmp_path / "one.toml")
    )

    assert [(each.student, each.guessed) for each in found] == [("ada", False), ("bob", False), ("cy", True)]


@pytest.mark.parametrize("source", ["all.zip/s{}/hw.ipynb", "all.zip/s{}.ipynb"], ids=["folders", "flat"])
def test_a_zip_of_a_large_class_is_looked_through_once(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Two thousand files took 14 s, since each was compared with all; the work for a file is now always the same."""
    looked, parts = list[str](), FileClues.parts

    def counted(sign: FileClues) -> list[str]:
        looked.append(sign.source)
        return list(parts.fget(sign))  # type: ignore[attr-defined]

    monkeypatch.setattr(FileClues, "parts", property(counted))
    work = []
    for number in (10, 100):
        looked.clear()
        attribution.owners(
            [FileClues(source.format(n), claimed=f"s{n}", packed=1) for n in range(number)], []
        )
        work.append(len(looked) / number)

    assert work[1] <= work[0]


def test_a_notebook_of_another_assignment_is_noted(put: Put, plan: Blueprint) -> None:
    """Its answers are found by their ids, where both assignments draw the exercise."""
    path = put("ada.ipynb")
    path.write_text(path.read_text().replace('"assignment": "plan"', '"assignment": "last-week"'))
    (found,) = submissions.read([path], STUDENTS, plan)

    assert "the notebook is of another assignment: last-week" in found.notes


def test_a_name_that_stands_for_a_student_is_a_line(put: Put, plan: Blueprint) -> None:
    """One for all of them; with a roster, those it lacks have lines of their own."""
    given = [put(f"{name}.ipynb", "everybody") for name in ("y", "z")]

    (line,) = submissions.remarks(submissions.read(given, [], plan), [])

    assert line.startswith("y, z: the name of a file stands for the student")
    assert submissions.remarks(submissions.read(given, STUDENTS, plan), STUDENTS) == []


def test_an_id_that_overrules_a_folder_is_a_line(put: Put, plan: Blueprint) -> None:
    """Students can edit it, and the folder may well be right; a file that lies in no folder contradicts nothing."""
    put("down/bob/a.ipynb", "ada")
    put("down/cy/a.ipynb", "cy")
    put("down/eve.ipynb", "dan")
    down = put("x").parent / "down"
    found = submissions.read([down], [], plan)

    assert [each.student for each in found] == ["ada", "cy", "dan"]
    (line,) = submissions.remarks(found, [])
    assert line.startswith(
        "ada (bob/a.ipynb): the id in the notebook names the student, the folder does not;"
    )
    assert submissions.remarks(submissions.read([down], STUDENTS, plan), STUDENTS) == []
