"""
Try many seeded variants of every attack on the grader, and print how many were held, by family.

    python tests/attacks/grader/try_variants.py                      # 2,000 variants, no cluster
    python tests/attacks/grader/try_variants.py --count 20000 --seed 7
    python tests/attacks/grader/try_variants.py --live 40            # and 40 that run, on an own embedded cluster
    python tests/attacks/grader/try_variants.py --live 40 --cluster lab

Of the variants a half are answers that must be refused, a quarter hostile submissions, and a quarter honest ones that
are odd and must not lose a point. Submissions are graded in classes of 25, by turns as a folder and as one zip. The
exit code is 1 where anything was not held; the seed repeats it.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attack_live
import attack_trial
import attack_variants
from attack_corpus import Attack
from attack_notebooks import Handed

from podlab import drivers
from podlab.drivers import Profile
from podlab.grading import Place, grade

CLASS = 25
Fault = tuple[str, str]


def answers(found: Sequence[Attack]) -> Iterator[Fault]:
    """Yield id and report of each answer that was not refused."""
    yield from ((name, text) for name, texts in attack_trial.answers(found).items() for text in texts)


def submissions(found: Sequence[Handed]) -> Iterator[Fault]:
    """Yield id and reason of each submission whose verdict is wrong; what harmed a class names all of it."""
    for number, each in enumerate(attack_variants.chunks(found, CLASS)):
        with tempfile.TemporaryDirectory() as folder:
            wrong = attack_trial.faults(each, Path(folder), as_zip=bool(number % 2))
        for name, texts in wrong.items():
            yield name or f"a class of {each[0].id} to {each[-1].id}", "; ".join(texts)


def live(count: int, seed: int, place: Place) -> Iterator[tuple[Attack, str]]:
    """Yield every variant that runs with what is wrong, empty if nothing is."""
    chosen = list(attack_live.variants(count, seed))
    with ThreadPoolExecutor(8) as pool:
        reports = pool.map(lambda each: grade(each.exercise, each.text, place), chosen)
        for each, report in zip(chosen, reports, strict=True):
            yield each, attack_live.wrong(each, report)


def table(tried: Iterable[str], wrong: Sequence[Fault]) -> None:
    """Print held and tried by family, then each that was not held."""
    families = Counter(tried)
    lost = Counter(
        next((family for family in families if name.startswith(f"{family}-")), "class") for name, _ in wrong
    )
    for family, count in sorted(families.items()):
        print(f"  {family:<16} {count - lost[family]:>6} of {count}")
    for name, text in wrong[:20]:
        print(f"  not held: {name}: {text[:500]}")


def main() -> int:
    """Try, print, and return 1 where something was not held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--live", type=int, default=0, metavar="N", help="so many variants that run on a cluster"
    )
    parser.add_argument("--cluster", metavar="N", help="a cluster that runs (default: an embedded one)")
    options = parser.parse_args()
    refused = list(attack_variants.answers(options.count // 2, options.seed))
    hostile = list(attack_variants.attacks(options.count // 4, options.seed))
    honest = list(attack_variants.honest(options.count - len(refused) - len(hostile), options.seed))
    wrong = [*answers(refused), *submissions(hostile)]
    lost = list(submissions(honest))
    tried = [each.family for each in (*refused, *hostile)]
    print(f"attacks held / tried: {len(tried) - len(wrong)} of {len(tried)} variants, seed {options.seed}")
    table(tried, wrong)
    print(f"honest odd submissions that lost a point: {len(lost)} of {len(honest)}")
    table([], lost)
    ran = _live(options) if options.live else []
    return 1 if wrong or lost or ran else 0


def _live(options: argparse.Namespace) -> list[Fault]:
    driver = drivers.get("embedded")
    made = None if options.cluster else driver.make(Profile(name=f"attack-{secrets.token_hex(3)}"))
    try:
        cluster = made or drivers.need(options.cluster)
        found = list(live(options.live, options.seed, Place.on(cluster)))
    finally:
        if made:
            driver.stop(made.name)
    wrong = [(each.id, text) for each, text in found if text]
    print(f"variants that ran, held / tried: {len(found) - len(wrong)} of {len(found)}")
    table([each.family for each, _ in found], wrong)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
