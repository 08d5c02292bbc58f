"""The README names what is there, and nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_course_in_the_readme_is_the_course_in_the_folder() -> None:
    """Each notebook has its row, in order, and each row its notebook."""
    named = re.findall(r"^\| \[`(\d\d-[a-z0-9-]+)`\]\(notebooks/\1\.ipynb\) \|", README, re.MULTILINE)

    assert named == sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def test_the_labs_in_the_readme_are_the_labs_in_the_folder() -> None:
    """Each lab has its row, in order, and each row its lab."""
    named = re.findall(r"^\| \[`labs/(\d\d-[a-z0-9-]+)`\]\(labs/\1[^)]*\) \|", README, re.MULTILINE)

    assert named == sorted(path.name for path in (ROOT / "labs").glob("[0-9][0-9]-*"))


def test_the_first_recording_can_be_made_after_start() -> None:
    """``./start`` leaves the Pod first-pod on the cluster; without --fresh the README's own command is refused."""
    line = next(line for line in README.splitlines() if line.startswith("$ podlab record"))

    assert "first-pod.yaml" in line
    assert "--fresh" in line


def test_every_path_in_the_readme_exists() -> None:
    """Folders, manifests and programs of the repository; what a run makes is left out."""
    paths = set(
        re.findall(r"(?<![\w/~.-])((?:labs|clusters|tests|helpers|notebooks|benchmarks)/[\w./-]*\w)", README)
    )
    named = paths - {"labs/NN-topic"}

    assert len(named) > 3
    assert sorted(path for path in named if not (ROOT / path).exists()) == []
