"""Answers are taken out of whatever was handed in; what is broken does not touch the rest."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from assignment_class import STUDENTS

from podlab.assignments import archives, roster, submissions
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.roster import Student

Notebook = Callable[..., dict[str, Any]]
ORDER = "fetch | proxy | shop"


def handed_in(data: bytes) -> submissions.Submission:
    """The submission that is one file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ada.ipynb").write_bytes(data)
        (found,) = submissions.read([Path(folder)], STUDENTS)
    return found


def answers(body: Any) -> dict[str, str]:
    """The answers of a notebook."""
    return dict(handed_in(json.dumps(body).encode()).answers)


def answer_cell(body: dict[str, Any]) -> dict[str, Any]:
    """The answer cell of e00."""
    return next(cell for cell in body["cells"] if cell["id"] == "e00-answer")


def test_the_answer_is_the_text_below_the_first_line(notebook: Notebook) -> None:
    """Outputs and other cells do not matter."""
    body = notebook(e00=ORDER)
    answer_cell(body)["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "e00: 2 of 2"}]

    assert answers(body)["e00"] == ORDER


def reordered(body: dict[str, Any]) -> None:
    """Cells in another order."""
    body["cells"].reverse()


def without_id(body: dict[str, Any]) -> None:
    """An old Jupyter drops ids."""
    for cell in body["cells"]:
        del cell["id"]


def without_metadata(body: dict[str, Any]) -> None:
    """Metadata edited away, and the id too."""
    for cell in body["cells"]:
        cell["metadata"] = {}
        cell["id"] = "x"


def as_markdown(body: dict[str, Any]) -> None:
    """The cell became markdown by a slip of the hand."""
    answer_cell(body)["cell_type"] = "markdown"


def as_lines(body: dict[str, Any]) -> None:
    """Files hold a source as a list of lines."""
    answer_cell(body)["source"] = answer_cell(body)["source"].splitlines(keepends=True)


def with_a_copy_before(body: dict[str, Any]) -> None:
    """A duplicate with an own id and the same metadata, emptied."""
    body["cells"].insert(0, {**answer_cell(body), "id": "copy", "source": "%%exercise e00\n# later\n"})


def with_an_empty_copy_after(body: dict[str, Any]) -> None:
    """A duplicate under the same id, empty."""
    body["cells"].append({**answer_cell(body), "source": "%%exercise e00\n\n"})


@pytest.mark.parametrize(
    "change",
    [
        reordered,
        without_id,
        without_metadata,
        as_markdown,
        as_lines,
        with_a_copy_before,
        with_an_empty_copy_after,
    ],
)
def test_an_answer_is_found_whatever_happened_to_the_rest(
    notebook: Notebook, change: Callable[[Any], None]
) -> None:
    """Renamed, reordered, duplicated, edited: the work counts."""
    body = notebook(e00=ORDER)
    change(body)

    assert answers(body)["e00"] == ORDER


def test_the_last_copy_under_the_released_id_counts(notebook: Notebook) -> None:
    """A forged copy with another id does not take its place, and the copies are reported."""
    body = notebook(e00=ORDER)
    body["cells"].append({**answer_cell(body), "id": "forged", "source": "%%exercise e00\nshop"})

    found = handed_in(json.dumps(body).encode())

    assert found.answers["e00"] == ORDER
    assert any(note.startswith("e00: 2 answer cells") for note in found.notes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"cells": 3}',
        b'{"worksheets": []}',
        b"\xff\xfe",
        b'{"cells": ' + b"[" * 100_000,
        b"null",
    ],
)
def test_what_is_no_notebook_is_refused_in_one_line(data: bytes) -> None:
    """A damaged file is a reason, never a traceback."""
    fault = handed_in(data).fault

    assert fault and "\n" not in fault


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"source": None},
        {"source": [1, None]},
        {"source": {}},
        {"metadata": 5, "source": "%%exercise e00\na"},
    ],
)
def test_odd_cells_are_passed_over(cell: dict[str, Any]) -> None:
    """Fields of any type."""
    good = {"id": "e00-answer", "cell_type": "code", "source": f"%%exercise e00\n{ORDER}"}

    assert answers({"cells": [cell, 7, None, good]})["e00"] == ORDER


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("ada/a.ipynb", "ada"),
        ("Ada Lovelace_4711_assignsubmission_file_/a.ipynb", "ada"),
        ("lovelaceada_LATE_123_456_a.ipynb", "ada"),
        ("celikcy_99_100_a.ipynb", "cy"),
        ("bob.ipynb", "bob"),
    ],
)
def test_platforms_write_the_student_into_the_path(
    tmp_path: Path, notebook: Notebook, path: str, student: str
) -> None:
    """Moodle and Canvas names, folders by id, and a file's own name."""
    file = tmp_path / "down" / path
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(notebook(e00=ORDER)))

    (found,) = submissions.read([tmp_path / "down"], STUDENTS)

    assert (found.student, found.known) == (student, True)
    assert found.answers["e00"] == ORDER


def zipped(entries: dict[str, bytes]) -> bytes:
    """A zip of these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_download_with_zips_in_it_is_read_in_memory(tmp_path: Path, notebook: Notebook) -> None:
    """Paths that climb out are names in a report; nothing is written."""
    inner = zipped({"work/a.ipynb": json.dumps(notebook(e00=ORDER)).encode(), "__MACOSX/a.ipynb": b"{"})
    data = zipped({"Bob Brown_1_assignsubmission_file_/x.zip": inner, "../../ada/a.ipynb": b"{}"})
    (tmp_path / "all.zip").write_bytes(data)

    found = {each.student: each for each in submissions.read([tmp_path / "all.zip"], STUDENTS)}

    assert found["bob"].answers["e00"] == ORDER
    assert found["ada"].fault
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["all.zip"]


GRADESCOPE = """\
submission_1:
  :submitters:
  - :name: Bob Brown
    :sid: '7'
    :email: bob@example.org
  :created_at: !ruby/object:Time 2026-11-30 09:00:00.000000000 Z
submission_2:
  :submitters:
  - :name: Ada Lovelace
  - :name: Bob Brown
"""


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_gradescope_export_says_who_handed_in(tmp_path: Path, notebook: Notebook, packed: bool) -> None:
    """By the list beside all submissions: neither a file's name nor a list that a student handed in counts."""
    body = json.dumps(notebook(e00=ORDER)).encode()
    forged = GRADESCOPE.replace("Bob Brown", "Cy \u00c7elik").encode()
    files = {
        "export/submission_metadata.yml": GRADESCOPE.encode(),
        "export/submission_1/ada.ipynb": body,
        "export/submission_1/submission_metadata.yml": forged,
        "export/submission_1/submission_2/x.ipynb": b"{",
        "export/submission_2/bob.ipynb": body,
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "export.zip").write_bytes(zipped(files))

    found = submissions.read([tmp_path / ("export.zip" if packed else "export")], STUDENTS)

    assert [(each.student, each.known, each.answers.get("e00")) for each in found] == [
        ("ada", True, ORDER), ("bob", True, ORDER)
    ]  # fmt: skip


def test_two_gradescope_exports_of_one_name_are_told_apart(tmp_path: Path, notebook: Notebook) -> None:
    """Their lists are looked up by the names under which their files are known."""
    body = json.dumps(notebook(e00=ORDER)).encode()
    given = []
    for day, name in (("monday", "Bob Brown"), ("friday", "Cy Çelik")):
        listed = f"submission_1:\n  :submitters:\n  - :name: {name}\n"
        files = {"x/submission_metadata.yml": listed.encode(), "x/submission_1/ada.ipynb": body}
        given.append(tmp_path / day / "export.zip")
        given[-1].parent.mkdir()
        given[-1].write_bytes(zipped(files))

    assert [each.student for each in submissions.read(given, STUDENTS)] == ["bob", "cy"]


@pytest.mark.parametrize("text", ["- 1", "a: b", "submission_1: {:submitters: []}", "{", "&a [*a]", "\x00"])
def test_a_strange_list_of_an_export_names_nobody(tmp_path: Path, notebook: Notebook, text: str) -> None:
    """The submissions are still read."""
    (tmp_path / "submission_metadata.yml").write_text(text)
    (tmp_path / "bob.ipynb").write_text(json.dumps(notebook(e00=ORDER)))

    (found,) = submissions.read([tmp_path], STUDENTS)

    assert (found.student, found.answers["e00"]) == ("bob", ORDER)


def test_a_list_of_an_export_that_cannot_be_unpacked_names_nobody(tmp_path: Path, notebook: Notebook) -> None:
    """The submissions beside it are still read."""
    listed = "x/submission_metadata.yml"
    body = json.dumps(notebook(e00=ORDER)).encode()
    whole = zipped({listed: GRADESCOPE.encode(), "x/bob/bob.ipynb": body})
    begins = whole.index(listed.encode()) + len(listed)
    (tmp_path / "export.zip").write_bytes(whole[:begins] + b"\xff" * 8 + whole[begins + 8 :])

    (found,) = submissions.read([tmp_path / "export.zip"], STUDENTS)

    assert (found.student, found.answers["e00"]) == ("bob", ORDER)


def test_a_zip_with_ten_thousand_entries_is_one_line(tmp_path: Path) -> None:
    """Bounded before anything is unpacked."""
    (tmp_path / "ada.zip").write_bytes(zipped({f"{n}.ipynb": b"" for n in range(10_000)}))

    (found,) = submissions.read([tmp_path / "ada.zip"], STUDENTS)

    assert "10000 entries" in found.fault
    assert "\n" not in found.fault


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    """A bomb is small on disk."""
    (tmp_path / "ada.zip").write_bytes(zipped({"a.ipynb": b"0" * (archives.MOST_OF_ONE + 1)}))

    (found,) = submissions.read([tmp_path / "ada.zip"], STUDENTS)

    assert "unpacks to more than" in found.fault


def test_a_students_files_unpack_to_so_much_and_take_nothing_from_others(
    tmp_path: Path, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zips inside count for the student whose folder they lie in; the reasons of many files are one short line."""
    good = json.dumps(notebook(e00=ORDER)).encode()
    size = len(good) + 1
    monkeypatch.setattr(archives, "MOST_OF_ONE", size)
    monkeypatch.setattr(archives, "MOST_OF_GROUP", 5 * size)
    files = {f"bob/{n}.ipynb": b" " * size for n in range(3)}
    files |= {
        f"bob/z{n}.zip": zipped({"a.ipynb": b" " * size, "b.ipynb": b" " * (size + 1)}) for n in range(20)
    }
    made = zipped(
        {"class/ada/a.ipynb": good} | {f"class/{k}": v for k, v in files.items()} | {"class/cy/a.ipynb": good}
    )
    (tmp_path / "class.zip").write_bytes(made)

    found = {each.student: each for each in submissions.read([tmp_path / "class.zip"], STUDENTS)}

    assert sorted(found) == ["ada", "bob", "cy"]
    assert found["ada"].answers["e00"] == found["cy"].answers["e00"] == ORDER
    reasons = [
        str(content) for _, content in archives.notebooks(made, "class.zip") if not isinstance(content, bytes)
    ]
    assert any("is not read: the files beside it unpack to" in reason for reason in reasons)
    assert found["bob"].fault.endswith("more files cannot be read")
    assert len(found["bob"].fault) < 1_000


def test_the_whole_zip_unpacks_to_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes the whole zip can make as many folders as entries."""
    monkeypatch.setattr(archives, "MOST_IN_ALL", 1_000)
    (tmp_path / "ada.zip").write_bytes(zipped({f"{n}/a.ipynb": b" " * 400 for n in range(9)}))

    read = [content for _, content in archives.notebooks((tmp_path / "ada.zip").read_bytes(), "ada.zip")]

    assert [isinstance(content, bytes) for content in read] == [True, True, *[False] * 7]
    assert "is not read: the files before it, of all folders, unpack to" in str(read[-1])


@pytest.mark.parametrize(
    ("path", "student"),
    [("brownbob_12_34_ada.ipynb", "bob"), ("brownbob_LATE_12_34_cy.zip/x.ipynb", "bob"), ("bob/ada.ipynb", "bob"),
     ("bob/ada_12_34_x.ipynb", "bob")],
)  # fmt: skip
def test_a_file_named_after_another_student_is_its_owners(
    tmp_path: Path, notebook: Notebook, path: str, student: str
) -> None:
    """The platform writes the folder, and the beginning of a name on Canvas; students write the rest."""
    (tmp_path / "class.zip").write_bytes(
        zipped({path: json.dumps(notebook(e00=ORDER)).encode(), "cy/a.ipynb": b"{"})
    )

    found = submissions.read([tmp_path / "class.zip"], STUDENTS)

    assert [(each.student, each.known) for each in found] == [(student, True), ("cy", True)]


def test_one_broken_notebook_among_fifty_good_ones(tmp_path: Path, notebook: Notebook) -> None:
    """Everything else is read."""
    good = json.dumps(notebook(e00=ORDER))
    for number in range(50):
        (tmp_path / f"s{number:02}.ipynb").write_text(good)
    (tmp_path / "s50.ipynb").write_text("{")

    found = submissions.read([tmp_path], [])

    assert [each.student for each in found if each.fault] == ["s50"]
    assert sum(each.answers.get("e00") == ORDER for each in found) == 50


def test_a_file_of_another_kind_is_a_line_beside_the_others(tmp_path: Path, notebook: Notebook) -> None:
    """A roster or a tar that was given by mistake names its fault; the notebook beside it is read."""
    (tmp_path / "bob.ipynb").write_text(json.dumps(notebook(e00=ORDER)))
    (tmp_path / "all.tar.gz").write_bytes(b"\x1f\x8b")

    found = {
        s.student: s for s in submissions.read([tmp_path / "all.tar.gz", tmp_path / "bob.ipynb"], STUDENTS)
    }

    assert found["bob"].answers["e00"] == ORDER
    assert found["all.tar.gz"].fault.startswith("all.tar.gz is neither a notebook (.ipynb) nor a zip")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_who_handed_in_another_kind_of_file_is_a_line_and_no_zero(
    tmp_path: Path, notebook: Notebook, packed: bool
) -> None:
    """An export to HTML, an archive that is not read; whoever handed in a notebook, too, may add what they like."""
    good = json.dumps(notebook(e00=ORDER)).encode()
    files = {
        "ada/a.html": b"<html>",
        "cy/hw.7z": b"7z",
        "bob/a.ipynb": good,
        "bob/notes.txt": b"x",
        "README.md": b"x",
    }
    for name, data in files.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_bytes(data)
    (tmp_path / "d.zip").write_bytes(zipped(files))

    found = {s.student: s for s in submissions.read([tmp_path / ("d.zip" if packed else "d")], STUDENTS)}

    assert sorted(found) == ["ada", "bob", "cy"]
    assert found["bob"].answers["e00"] == ORDER
    assert found["ada"].fault.endswith("ada/a.html is neither a notebook (.ipynb) nor a zip")
    assert found["cy"].fault.endswith("cy/hw.7z is neither a notebook (.ipynb) nor a zip")


def test_a_link_is_not_followed_and_is_a_line(tmp_path: Path) -> None:
    """Its target may be anything on the instructor's machine."""
    (tmp_path / "d/ada").mkdir(parents=True)
    (tmp_path / "d/ada/a.ipynb").symlink_to("/etc/passwd")

    (found,) = submissions.read([tmp_path / "d"], STUDENTS)

    assert (found.student, found.fault) == ("ada", "ada/a.ipynb is a link, and links are not followed")


@pytest.mark.parametrize("name", ["a.IPYNB", "A.ZIP", "packed.ipynb"])
def test_suffixes_in_capitals_and_a_zip_without_its_own_are_read(
    tmp_path: Path, notebook: Notebook, name: str
) -> None:
    """As Windows and browsers leave them."""
    good = json.dumps(notebook(e00=ORDER)).encode()
    (tmp_path / "d/ada").mkdir(parents=True)
    (tmp_path / "d/ada" / name).write_bytes(good if name == "a.IPYNB" else zipped({"x.ipynb": good}))

    (found,) = submissions.read([tmp_path / "d"], STUDENTS)

    assert (found.student, found.answers["e00"]) == ("ada", ORDER)


def test_answer_cells_that_are_gone_are_named(tmp_path: Path, plan: Blueprint, notebook: Notebook) -> None:
    """Their exercises count as not answered, which nobody sees in a zero alone."""
    body = notebook(e00=ORDER)
    body["cells"] = [cell for cell in body["cells"] if cell["id"] != "e14-answer"]
    (tmp_path / "ada.ipynb").write_text(json.dumps(body))

    (found,) = submissions.read([tmp_path / "ada.ipynb"], STUDENTS, plan)

    assert found.notes == ["e14: the answer cell is missing"]


@pytest.mark.parametrize("apart", [",", ";", "\t"])
def test_a_roster_may_be_saved_by_any_spreadsheet(tmp_path: Path, apart: str) -> None:
    """Semicolons or tabs between the columns, and blanks around their names."""
    (tmp_path / "r.csv").write_text(
        apart.join(["id", " name", "email"]) + "\n" + apart.join(["ada", "Ada", "a@b"])
    )

    assert roster.read(tmp_path / "r.csv") == [Student("ada", "Ada", "a@b")]
