"""Imports an exercise's checks.py and finds its check functions."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Collection, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from podlab.checks.case import Check
from podlab.errors import CheckError


class _Source(SourceFileLoader):
    """
    Compiles the file as it is.

    Python's own cache of compiled files goes by the second and the size: an edit that keeps both would not count.
    """

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def functions(folder: Path, ids: Collection[str]) -> dict[str, Check]:
    """
    Return the functions of checks.py in *folder* by id; *ids* are those of exercise.toml.

    Raises:
        CheckError: checks.py does not run, or lacks the function of a check.
    """
    path = folder / "checks.py"
    found = dict(_marked(path))
    missing = [id for id in ids if id not in found]
    strange = sorted(set(found) - set(ids))
    if missing or strange:
        raise CheckError(
            f"{folder.name}/checks.py and exercise.toml name different checks",
            cause=f"without a function: {', '.join(missing) or '-'}; without an entry: {', '.join(strange) or '-'}",
            hint='@check("id") above the function',
        )
    return found


def _marked(path: Path) -> Iterator[tuple[str, Check]]:
    name = f"podlab_exercise_{re.sub(r'[^a-z0-9]', '_', path.parent.name)}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Source(name, str(path)))
    if spec is None or spec.loader is None or not path.is_file():
        raise CheckError(f"{path.parent.name}/checks.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of a checks.py look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = getattr(error, "lineno", None) or _line_of(error, path)
        raise CheckError(f"{path.parent.name}/checks.py, line {line}: {error!r}") from error
    for each in vars(module).values():
        if hasattr(each, "check_id"):
            yield each.check_id, each


def _line_of(error: BaseException, path: Path) -> int:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
