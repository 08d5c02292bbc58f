"""Messages, summaries of docstrings, headings and commit subjects keep the rules of CONTRIBUTING.md."""

from __future__ import annotations

import subprocess
from pathlib import Path

import english
import pytest
from english import PACKAGE, ROOT, Text

RULES_SINCE = "6fda38a7c72979ccf3e37f7569a4cc54f0ea5fa4"
"""The commit in which the rules for subjects were written down; older subjects stay as they are."""


def faults(texts) -> list[str]:
    """What is wrong, text by text."""
    return [fault for text in texts for fault in text.faults()]


def modules() -> list[Path]:
    """The modules of the package, and the programs of the labs and exercises."""
    found = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "labs").rglob("*.py")])
    assert len(found) > 500
    return found


def test_messages_say_what_is_wrong_and_what_to_do() -> None:
    """Those of the embedded cluster too, which speaks as upstream does, and the findings of checks."""
    assert faults(text for path in modules() for text in english.messages(path)) == []


def test_other_strings_name_the_fault() -> None:
    """A part of a message may stand anywhere."""
    assert faults(text for path in modules() for text in english.strings(path)) == []


def test_summaries_of_docstrings_begin_with_a_verb_or_a_noun() -> None:
    """Of modules, classes and functions."""
    assert faults(text for path in modules() for text in english.summaries(path)) == []


def test_summaries_of_functions_say_what_they_return() -> None:
    """``Return whether …``; a bare "Whether" is a question, and no sentence."""
    assert faults(text for path in modules() for text in english.results(path)) == []


def pages() -> list[Path]:
    """The documents of every folder, the labs, the exercises and the notebooks."""
    folders = ("docs", "labs", "clusters", "benchmarks", "tests", "helpers")
    found = [*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))]
    found += [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "labs").glob("*/*.ipynb")]
    assert len(found) > 100
    return sorted(found)


def test_headings_do_not_deny() -> None:
    """In every page."""
    assert faults(text for page in pages() for text in english.headings(page)) == []


def test_prose_does_not_deny() -> None:
    """In every page but the list of changes, which keeps its older words, and the rules, which quote the faults."""
    older = {ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"}

    assert faults(text for page in pages() if page not in older for text in english.prose(page)) == []


def test_subjects_of_commits_say_what_changed() -> None:
    """Since the rules were written down; a checkout without that history cannot be judged."""
    log = subprocess.run(
        ["git", "-C", str(ROOT), "log", "--format=%h %s", f"{RULES_SINCE}..HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if log.returncode:
        pytest.skip("the history of this checkout does not reach back to the rules")
    subjects = [line.split(" ", 1) for line in log.stdout.splitlines()]

    assert faults(Text("subject", commit, words) for commit, words in subjects) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("message", "there is no driver 'knd'"),
        ("message", "run.jsonl is no recording"),
        ("message", "the kubelet has not said why"),
        ("message", "NO_PROXY spares not localhost"),
        ("summary", "What controllers share: a queue."),
        ("summary", "Of the changes, those of images are judged."),
        ("summary", "The token; empty when there is none."),
        ("message", "namespace lab exists already there"),
        ("message", "podlab apply changes those that are there"),
        ("summary", "Return a wheel where one can be had."),
        ("prose", "The field is dropped without a word."),
        ("prose", "It is mostly done in the template."),
        ("summary", "Log a fault of ours."),
        ("summary", "Return what a node says of a container."),
        ("summary", "Hold up the node for so long and no longer."),
        ("heading", "When there is no Docker"),
        ("prose", "A crash is no shutdown: nobody asks."),
        ("subject", "The scorer reads arrows"),
        ("subject", "a small thing"),
        ("result", "Whether the Pod has ended."),
        ("result", "How often it was started."),
    ],
)
def test_a_sentence_against_the_rules_is_found(kind: str, words: str) -> None:
    """Each rule finds the sentence that it was made for."""
    assert list(Text(kind, "here", words).faults())


@pytest.mark.parametrize(
    "words",
    [
        "unknown driver 'knd'",
        "the Pod has no container shop",
        "the Pod is no longer there",
        "``there is no`` in quotes is upstream's",
    ],
)
def test_plain_sentences_pass(words: str) -> None:
    """A thing may lack something; quotes are not ours."""
    assert [*Text("message", "here", words).faults(), *Text("summary", "here", words).faults()] == []
