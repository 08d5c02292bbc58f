"""JUnit XML: a suite for each student, a case for each check; what is not gradable is an error, not a failure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write one ``junit.xml``."""
    top = ET.Element("testsuites", name=blueprint.name)
    for mark in marks:
        _suite(top, mark)
    path = out / "junit.xml"
    ET.ElementTree(top).write(path, encoding="utf-8", xml_declaration=True)
    return [path]


def _suite(top: ET.Element, mark: StudentMarks) -> None:
    suite = ET.SubElement(top, "testsuite", name=clean(mark.student.id))
    failures = errors = 0
    for result in mark.results:
        report = result["report"]
        rows = report["verdicts"] or [
            {"text": report["reason"], "holds": report["state"] == "answered", "found": ""}
        ]
        for verdict in rows:
            case = ET.SubElement(suite, "testcase", classname=report["exercise"], name=clean(verdict["text"]))
            if result["earned"] is None:
                errors += 1
                ET.SubElement(case, "error", message=clean(report["reason"]))
            elif not verdict["holds"]:
                failures += 1
                ET.SubElement(case, "failure", message=clean(verdict["found"] or report["reason"]))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))


def clean(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _NO_XML.sub("\ufffd", text)
