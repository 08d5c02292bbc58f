"""
Try the corpora of attacks and print, by family, how many are held.

    python tests/attacks/run_attacks.py                  sandbox, API, and the grader's answers that are refused unrun
    python tests/attacks/run_attacks.py --lived          the grader's answers that run, too (minutes)
    python tests/attacks/run_attacks.py --only api

An attack counts as held only if its planted twin, the same probe where the protection is missing, was seen to succeed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), *(str(HERE / area) for area in ("sandbox", "api", "grader"))]


class Result(NamedTuple):
    """One attack that was tried; *why* is empty if it is held and its twin was caught."""

    area: str
    family: str
    name: str
    why: str


def told(attempt: Callable[[], str]) -> str:
    """What *attempt* returns, or how it failed."""
    try:
        return attempt()
    except Exception as error:  # whatever a probe may meet: the others are tried all the same
        return f"not tried: {type(error).__name__}: {error}"


def sandbox() -> Iterator[Result]:
    """The corpus of ``sandbox/``."""
    from sandbox_attacks import attacks
    from sandbox_range import sandbox_range

    chosen = [attack for attack in attacks() if not attack.needs_root or os.geteuid() == 0]
    with sandbox_range() as found:
        found.try_all(chosen)
    for attack in chosen:

        def why(attack: Any = attack) -> str:
            outcome, twin = found.outcome(attack), found.outcome(attack, twin=True)
            return outcome.seen if not outcome.held else "the twin was not caught" if twin.held else ""

        yield Result("sandbox", attack.family, attack.name, told(why))


def api() -> Iterator[Result]:
    """The corpus of ``api/``."""
    from api_attacks import attacks, try_all
    from api_range import api_range

    with api_range() as found:
        results = try_all(found)
    for attack in attacks():

        def why(attack: Any = attack) -> str:
            seen, twin = results[attack.id].result(), results[f"twin-{attack.id}"].result()
            return seen or ("" if twin else "the twin was not caught")

        yield Result("api", attack.family, attack.name, told(why))


def grader(*, lived: bool) -> Iterator[Result]:
    """The corpus of ``grader/``: an attack is held if it is refused, or gains no more than it may."""
    from attack_corpus import attacks
    from attacking import cluster

    from podlab.grading import Place, grade

    chosen = [attack for attack in attacks() if attack.refused or lived]
    with ExitStack() as stack, ThreadPoolExecutor(5) as pool:
        client = stack.enter_context(cluster()).client if lived else None

        def why(attack: Any) -> str:
            report = grade(attack.exercise, attack.text, Place(None if attack.refused else client))
            held = report.state == "refused" or (not attack.refused and report.score <= attack.most)
            return "" if held else f"{report.state}: {report.score} points"

        yield from pool.map(lambda a: Result("grader", a.family, a.name, told(lambda: why(a))), chosen)


def main() -> int:
    """Print a line for each family, and what was not held; 1 if anything was not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[1])
    parser.add_argument("--only", action="append", choices=("sandbox", "api", "grader"))
    parser.add_argument("--lived", action="store_true", help="the grader's answers that run, too")
    asked = parser.parse_args()
    areas = {"sandbox": sandbox, "api": api, "grader": lambda: grader(lived=asked.lived)}
    began, results = time.monotonic(), []
    for name, area in areas.items():
        if not asked.only or name in asked.only:
            results += list(area())
    families: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        families.setdefault((result.area, result.family), []).append(result)
    for (name, family), rows in families.items():
        print(f"{name:8} {family:14} {sum(not row.why for row in rows):4} / {len(rows)}")
    missed = [result for result in results if result.why]
    for result in missed:
        print(f"NOT HELD {result.area} {result.family} {result.name}: {result.why[:300]}")
    print(f"held / tried: {len(results) - len(missed)} / {len(results)}, in {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
