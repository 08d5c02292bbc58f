"""
Schemas of the results that learning platforms read: their documented fields, and no others.

They follow the published texts: Gradescope ``autograder_samples/docs/specs.md``; PrairieLearn
``docs/externalGrading.md``; GitHub Classroom ``autograding-grading-reporter/src``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMBER, TEXT, POINTS = {"type": "number"}, {"type": "string"}, {"type": "number", "minimum": 0}


def closed(required: str = "", **properties: Any) -> dict[str, Any]:
    """The schema of an object with these fields alone."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required.split(),
    }


def rows(of: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": "array", "items": of}


VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
GRADESCOPE = closed(
    "tests", score=NUMBER, execution_time=NUMBER, output=TEXT, output_format=FORMAT, test_output_format=FORMAT,
    test_name_format=FORMAT, visibility=VISIBILITY, stdout_visibility=VISIBILITY, extra_data={"type": "object"},
    leaderboard=rows(closed("name value", name=TEXT, value={}, order={"enum": ["asc", "desc"]})),
    tests=rows(closed(
        "score", score=POINTS, max_score=POINTS, status={"enum": ["passed", "failed"]}, name=TEXT, name_format=FORMAT,
        number=TEXT, output=TEXT, output_format=FORMAT, tags=rows(TEXT), visibility=VISIBILITY,
        extra_data={"type": "object"},
    )),
)  # fmt: skip
IMAGES = rows(closed("url", label=TEXT, url=TEXT))
PRAIRIELEARN = {
    **closed(
        "gradable", gradable={"type": "boolean"}, score={"type": "number", "minimum": 0, "maximum": 1}, message=TEXT,
        output=TEXT, format_errors=rows(TEXT), images=IMAGES,
        tests=rows(closed("name", name=TEXT, description=TEXT, points=POINTS, max_points=POINTS, message=TEXT,
                          output=TEXT, images=IMAGES)),
    ),
    "if": {"properties": {"gradable": {"const": True}}}, "then": {"required": ["score"]},
    "else": {"not": {"required": ["score"]}},
}  # fmt: skip
STATUS = {"enum": ["pass", "fail", "error"]}
CLASSROOM = closed(
    "version status max_score tests", version={"const": 1}, status=STATUS, message=TEXT, max_score=POINTS,
    tests=rows(closed("name status score", name=TEXT, status=STATUS, message=TEXT, test_code=TEXT,
                      task_id={"type": "integer"}, filename=TEXT, line_no={"type": "integer"}, duration=NUMBER,
                      score=POINTS, output={"type": "string", "maxLength": 500})),
)  # fmt: skip
