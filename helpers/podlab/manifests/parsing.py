"""
Parses manifests: text of limited size to objects, or to all faults of all documents, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podlab.errors import ManifestError
from podlab.manifests import confusables, shape
from podlab.manifests.composing import Composed, Composer, RefusedDocument, lines_of
from podlab.manifests.faults import Fault, error_of
from podlab.manifests.manifest import Manifest

MAX_BYTES = 1 << 20
_BEGINS = 'a manifest begins with "apiVersion: v1"'
_MAX_OBJECTS = 500
_DOCUMENT = re.compile(r"^---(?=\s|$)|^\.\.\.(?=\s|$)", re.MULTILINE)
_LISTS = re.compile(r"(Pod|Service|ConfigMap|Secret|Deployment|Job|)List\Z")


def load(text_or_path: str | Path, *, source: str | None = None) -> list[Manifest]:
    """
    Return the objects of a manifest in the order written; several documents and Lists are flattened.

    Args:
        text_or_path: A Path, the name of an existing file that ends in .yaml, .yml or .json, or the text itself.
        source: The name of the text in messages; default: the file's name, or "manifest".

    Raises:
        ManifestError: Names file, line and field of each fault (``.faults``); no object is returned.
    """
    text, name = _text_of(text_or_path)
    name = source or name
    faults: list[Fault] = []
    found: list[Manifest] = []
    for offset, document in _documents(text):
        root = _compose(document, offset, name, faults)
        if root is not None and root.value is not None:
            lines = {path: line + offset + 1 for path, line in lines_of(root).items()}
            found += _flatten(Manifest(root.value, name, lines), faults)
    if not found and not faults:
        faults.append(Fault(name, None, "", "it holds no objects", _BEGINS))
    faults += shape.defined_twice(found)
    if len(found) > _MAX_OBJECTS:
        faults = [Fault(name, None, "", f"{len(found)} objects; at most {_MAX_OBJECTS} are taken at once")]
    if faults:
        raise error_of(faults)
    return found


def document(text: str, *, source: str) -> tuple[Any, dict[str, int]]:
    """
    Return the value of one YAML document, and the line (from 1) of each field path; bounded as ``load`` is.

    Raises:
        ManifestError: Names the line of each fault.
    """
    _check_size(len(text.encode("utf-8", "surrogatepass")), source)
    faults: list[Fault] = []
    root = _compose(text, 0, source, faults)
    if faults:
        raise error_of(faults)
    if root is None:
        return None, {}
    return root.value, {path: line + 1 for path, line in lines_of(root).items()}


def _text_of(text_or_path: str | Path) -> tuple[str, str]:
    is_name = isinstance(text_or_path, str) and re.fullmatch(r"[^\n:{]{1,4000}\.(ya?ml|json)", text_or_path)
    if not isinstance(text_or_path, Path) and not is_name:
        text = str(text_or_path)
        _check_size(len(text.encode("utf-8", "surrogatepass")), "manifest")
        return text, "manifest"
    path = Path(text_or_path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ManifestError(
            f"{path} cannot be read", cause=error.strerror or str(error), hint="check the name of the file"
        ) from error
    _check_size(len(raw), path.name)
    try:
        return raw.decode("utf-8-sig"), path.name
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        fault = Fault(path.name, line, "", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
        raise error_of([fault]) from error


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise error_of(
            [Fault(name, None, "", f"larger than {MAX_BYTES >> 20} MiB", "split it into several files")]
        )


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """
    Yield (lines before it, text) for each document. A marker in column 0 ends every YAML scalar, so this is
    exact.
    """
    start = line = 0
    for marker in [*_DOCUMENT.finditer(text), None]:
        end = marker.start() if marker else len(text)
        part = text[start:end]
        if part.strip():
            yield line, re.sub(r"^%.*", "", part, flags=re.MULTILINE) if marker else part
        line += part.count("\n")
        start = marker.end() if marker else end


def _compose(document: str, offset: int, name: str, faults: list[Fault]) -> Composed | None:
    import yaml

    composer = Composer()
    try:
        for event in yaml.parse(document, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            composer.feed(event)
    except (RefusedDocument, yaml.YAMLError, ValueError, RecursionError) as error:
        faults.append(_unreadable(document, offset, name, error))
        return None
    for line, key in composer.duplicates:
        faults.append(
            Fault(name, offset + line + 1, key, f'the key "{key}" is given twice', "keep one of them")
        )
    return composer.root


def _unreadable(document: str, offset: int, name: str, error: Exception) -> Fault:
    """Return why a document cannot be parsed; a lookalike character explains it better than the parser's message."""
    import yaml

    seen = confusables.in_text(document)
    if isinstance(error, RefusedDocument) and (error.hint or seen is None or seen[0] != error.line):
        return Fault(name, offset + error.line + 1, "", error.text, error.hint)
    if seen is not None:
        return Fault(name, offset + seen[0] + 1, "", f"not YAML: {seen[1]}", seen[2])
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        text = ", ".join(str(part) for part in (error.problem, error.context) if part)
        line = offset + mark.line + 1 if mark else None
        return Fault(name, line, "", f"not YAML: {text}", _syntax_hint(document, mark))
    return Fault(name, _bad_line(document, offset, error), "", f"not YAML: {_brief(error)}")


def _brief(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", None) or error).split())[:200]


def _bad_line(document: str, offset: int, error: Exception) -> int | None:
    position = getattr(error, "position", None)
    return offset + document[:position].count("\n") + 1 if isinstance(position, int) else None


def _syntax_hint(document: str, mark: Any) -> str:
    lines = document.split("\n")
    if mark is not None and mark.line < len(lines):
        near = lines[max(0, mark.line - 1) : mark.line + 1]
        if any("\t" in line for line in near):
            return "indent with blanks: YAML allows no tab there"
        if any(re.search(r":[^\s/]", line) and ": " not in line for line in near):
            return 'put a space after the colon: "name: web"'
    return "compare the indentation with the lines around it"


def _flatten(manifest: Manifest, faults: list[Fault]) -> list[Manifest]:
    body = manifest.object
    seen = confusables.in_text(body) if isinstance(body, str) else None
    if seen is not None:
        faults.append(manifest.fault("", seen[1], seen[2]))
        return []
    if not isinstance(body, dict):
        faults.append(manifest.fault("", f"an object is a mapping, this is {shape.type_of(body)}", _BEGINS))
        return []
    if "items" in body and _LISTS.match(str(body.get("kind"))):
        return _items(manifest, faults)
    faults += shape.faults_of(manifest)
    return [manifest]


def _items(manifest: Manifest, faults: list[Fault]) -> list[Manifest]:
    items, found = manifest.object["items"], []
    if not isinstance(items, list):
        faults.append(
            manifest.fault("items", f"the items of a List are a list, this is {shape.type_of(items)}")
        )
        return []
    for index, item in enumerate(items):
        prefix = f"items[{index}]"
        lines = {
            path[len(prefix) :].lstrip("."): line
            for path, line in manifest.lines.items()
            if path == prefix or path.startswith((prefix + ".", prefix + "["))
        }
        found += _flatten(Manifest(item, manifest.source, lines), faults)
    return found
