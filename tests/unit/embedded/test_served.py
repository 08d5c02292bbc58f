"""The page of what the embedded cluster serves, held against the server's own list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podlab.embedded.api.resources import Kind, kinds

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "clusters/embedded/README.md").read_text()


def section(title: str) -> set[str]:
    """The resources in the table below a heading."""
    text = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z0-9.-]+)` \|", text, re.MULTILINE))


def named(kind: Kind) -> str:
    return f"{kind.resource}.{kind.group}" if kind.group else kind.resource


SECTIONS = {
    "Served and acted on": lambda kind: not (kind.review or kind.inert or kind.empty),
    "Answered, never stored": lambda kind: kind.review,
    "Stored, and not acted on": lambda kind: kind.inert,
    "Always empty": lambda kind: kind.empty,
}


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_lists_each_resource_where_it_belongs(title: str) -> None:
    assert section(title) == {named(kind) for kind in kinds().values() if SECTIONS[title](kind)}


def test_no_kind_that_is_not_served_is_served() -> None:
    text = PAGE.partition("\n## Not served\n")[2].partition("\n## ")[0]
    absent = set(
        re.findall(
            r"\b[A-Z][a-zA-Z]+[a-z]\b", text.partition("creates anything:")[2].partition(", and all")[0]
        )
    )
    assert len(absent) > 10
    assert absent & {kind.kind for kind in kinds().values()} == set()


def test_the_pages_that_speak_of_the_embedded_cluster_point_to_it() -> None:
    for path in ("README.md", "tests/conformance/DIFFERENCES.md"):
        assert "clusters/embedded/README.md" in (ROOT / path).read_text()
