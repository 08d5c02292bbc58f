"""Texts that learners must not get: answers, mistakes, shortcuts and hidden checks of exercises; and who holds them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping

from podlab.grading import Exercise, find, ids
from podlab.grading.prove import samples

SHOWN = {"e00"}  # notebook 00 shows a right answer of e00 on purpose: it teaches how to answer
_LEAST = 40  # characters that nobody types by chance


def body(text: str) -> str:
    """A text without its comments and blanks, as it would be copied."""
    lines = (line.split("#", 1)[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip())


def secrets(variants: Iterable[tuple[Exercise, int]] | None = None) -> Iterator[tuple[str, str]]:
    """Name and text of each secret of these exercises and seeds; of every exercise, if none are given."""
    for exercise, seed in variants if variants is not None else [(find(name), 0) for name in ids()]:
        starter = body(exercise.starter_text(exercise.values(seed)))
        for sample in samples(exercise, seed):
            text = body(sample.text)
            if exercise.id not in SHOWN and len(text) > _LEAST and text not in starter:
                yield f"{exercise.id}/{sample.kind}/{sample.name}", text
        for row in exercise.checks:
            if not row.visible:
                yield f"{exercise.id}/check {row.id}", row.text


def leaks(files: Mapping[str, bytes], found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each file that holds a secret, and which one."""
    texts = {name: body(data.decode("utf-8", "replace")) for name, data in files.items()}
    return [(file, name) for name, secret in found for file, text in texts.items() if secret in text]


def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, and everything in it where it is a zip, also in zips inside of it."""
    yield name, data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                yield from unpacked(f"{name}/{entry}", archive.read(entry))
