"""``podlab course``: write the learner's edition of the course into a folder."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

SUMMARY = "copy the course to a folder: notebooks, labs and exercises, without answers"
EXAMPLE = """
podlab course
podlab course ~/kubernetes-course
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    what = "where to (default: podlab-course); what you changed there is never overwritten"
    parser.add_argument("folder", nargs="?", default="podlab-course", metavar="FOLDER", help=what)


def run(args: argparse.Namespace) -> int:
    """Write the edition and print what was new, renewed and kept."""
    from podlab.course import build, write

    folder = Path(args.folder).expanduser()
    done = write(build(), folder)
    print(f"course in {folder}: {done}")
    install = "" if find_spec("jupyterlab") else "pip install 'podlab[jupyter]' && "
    print(f"open it: {install}jupyter lab {folder / 'notebooks' / '00-start-here.ipynb'}")
    return 0
