"""
Who handed in which folder of a Gradescope export, by the ``submission_metadata.yml`` that Gradescope puts beside them:

    submission_123:
      :submitters:
      - :name: Ada Lovelace
        :sid: '7'
        :email: ada@example.org
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import yaml

from podlab.assignments.archives import DAMAGES, is_handed_in

FILE = "submission_metadata.yml"
_MOST_BYTES = 64 << 20  # it holds the results of all earlier submissions
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def submitters(given: Mapping[Path, str]) -> dict[str, Sequence[str]]:
    """
    Return folder of a submission -> words that name its first student; empty where no path is such an export.

    Only the file beside all submissions counts, and of several paths each must have one: a student can hand in a file
    of that name.

    Args:
        given: Paths, and how the sources of their files begin where they are zips.
    """
    lists: dict[Path, dict[str, Sequence[str]]] = {}
    for path, called in given.items():
        with suppress(*DAMAGES, yaml.YAMLError):
            for name, text in _texts(path, called):
                # Nodes are read and no values made of them: the tags of a Ruby program do not matter then.
                lists[path] = dict(_listed(name, yaml.compose(text, Loader=_LOADER)))
    if len(lists) < len(given):  # several paths may be of a student each, who can put a list into it
        return {}
    return {folder: words for each in lists.values() for folder, words in each.items()}


def folders(source: str) -> Iterator[str]:
    """Yield every folder above a file, outermost first."""
    yield from (each.as_posix() for each in reversed(PurePosixPath(source).parents))


def _texts(path: Path, called: str) -> Iterator[tuple[PurePosixPath, str]]:
    """The folder of the export as sources name it, and the text of its list."""
    if path.is_dir() and (path / FILE).is_file():
        yield PurePosixPath(), (path / FILE).read_text("utf-8")
    elif path.suffix.lower() == ".zip" and path.is_file():
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
            lists = [name for name in names if name.name == FILE]
            first = min(lists, key=lambda name: len(name.parts), default=None)
            handed_in = [name for name in names if is_handed_in(name)]
            beside = first is not None and all(first.parent in name.parents for name in handed_in)
            if first is not None and beside and archive.getinfo(first.as_posix()).file_size <= _MOST_BYTES:
                yield PurePosixPath(called) / first.parent, archive.read(first.as_posix()).decode("utf-8")


def _listed(top: PurePosixPath, root: yaml.Node | None) -> Iterator[tuple[str, Sequence[str]]]:
    for folder, about in _fields(root).items():
        rows = _fields(about).get(":submitters")
        first = rows.value[0] if isinstance(rows, yaml.SequenceNode) and rows.value else None
        words = [
            str(node.value) for key, node in _fields(first).items() if key in (":email", ":sid", ":name")
        ]
        yield (top / folder).as_posix(), [word for word in words if word]


def _fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {str(key.value): value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
