"""``podlab exercise``: list, show, create and test exercises."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from collections.abc import Callable

    from podlab.grading import Place
    from podlab.grading.prove import Proof, Sample

SUMMARY = "list, show, create and test exercises"
EXAMPLE = """
podlab exercise list
podlab exercise show e14 --seed 7
podlab exercise check e14
podlab exercise new e40-my-title
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("action", choices=("list", "show", "check", "new"), help="what to do")
    parser.add_argument(
        "exercise",
        nargs="*",
        default=[],
        metavar="ID",
        help="ids of exercises (default: all); new: a name such as e40-my-title",
    )
    parser.add_argument("--seed", type=int, default=0, help="the variant of the exercise (default: 0)")
    parser.add_argument(
        "--jobs",
        type=common.whole_number(1),
        default=4,
        metavar="N",
        help="check: how many answers to grade in parallel (default: 4)",
    )
    parser.add_argument("--only", metavar="KIND/NAME", help="check: only this answer, such as right/moved")
    parser.add_argument("--show", action="store_true", help="check: print the report of each answer")
    common.add_cluster(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; exit code 1 where an answer does not get what it must."""
    if args.action == "list":
        return _list(args)
    if args.action == "show":
        return _show(args)
    return _new(args) if args.action == "new" else _check(args)


def _list(args: argparse.Namespace) -> int:
    from podlab import grading
    from podlab.checks.verdict import number
    from podlab.cli import output

    found = [grading.find(name) for name in args.exercise or grading.ids()]
    if args.json:
        output.as_json([{"id": e.id, "title": e.title, "kind": e.kind, "points": float(e.points),
                         "minutes": e.minutes, "outcomes": list(e.outcomes), "notebook": e.notebook}
                        for e in found])  # fmt: skip
        return 0
    for each in found:
        print(
            f"{each.id:<5} {each.title:<24} {each.kind:<9} {number(each.points):>3} points  {each.notebook}"
        )
    return 0


def _show(args: argparse.Namespace) -> int:
    from podlab import grading
    from podlab.cli import output

    found = [grading.find(name) for name in args.exercise or grading.ids()]
    shown = [(each, *each.shown(args.seed)) for each in found]
    if args.json:
        output.as_json([{"id": each.id, "name": each.name, "ask": ask.strip(), "starter": starter}
                        for each, ask, starter in shown])  # fmt: skip
        return 0
    for each, ask, starter in shown:
        print(f"{each.name}\n\n{ask.strip()}\n\n%%exercise {each.id}\n{starter}")
    return 0


def _new(args: argparse.Namespace) -> int:
    from podlab.cli import output
    from podlab.grading import scaffold

    if not args.exercise:
        raise common.UsageError(
            "the new exercise needs a name",
            cause="an id and a title, such as e40-my-title",
            hint="podlab exercise new e40-my-title",
        )
    made = [(name, scaffold.make(name)) for name in args.exercise]
    if args.json:
        output.as_json([{"name": name, "folder": str(folder)} for name, folder in made])
        return 0
    for name, folder in made:
        print(
            f"made {folder}: it runs and scores 0; podlab exercise check {name.partition('-')[0]} proves it"
        )
    return 0


def _check(args: argparse.Namespace) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from podlab import drivers, grading
    from podlab.grading import prove

    wanted = [grading.find(name) for name in args.exercise or grading.ids()]
    samples = [sample for each in wanted for sample in prove.samples(each, args.seed)]
    chosen = [sample for sample in samples if _is_wanted(args, sample)]
    if args.only and not chosen:
        known = sorted({f"{sample.kind}/{sample.name}" for sample in samples})
        raise common.UsageError(
            f"no answer is named {args.only!r}", hint=f"--only {known[0]}, or one of {len(known) - 1} others"
        )
    cluster = drivers.need(args.name)
    lacking = [text for each in wanted for text in prove.lacking(each)]
    with (
        grading.once(grading.Place.on(cluster)) as place,
        ThreadPoolExecutor(max_workers=max(1, args.jobs)) as pool,
    ):
        proofs = [_told(args, proof) for proof in pool.map(_prover(place), chosen)]
    bad = [proof for proof in proofs if proof.faults]
    out = sys.stderr if args.json else sys.stdout  # with --json, what is piped is JSON lines alone
    for text in lacking:
        print(text, file=out)
    print(_summary(len(proofs), len(bad), len({proof.exercise for proof in proofs})), file=out)
    return 1 if bad or lacking else 0


def _summary(answers: int, bad: int, exercises: int) -> str:
    from podlab.cli.output import counted

    of = f"of {counted(exercises, 'exercise')}"
    if not answers:
        return "no answers to grade"
    if bad:
        return f"{bad} of {counted(answers, 'answer')} {of} scored otherwise than expected"
    return f"{counted(answers, 'answer')} {of}: scored as expected"


def _prover(place: Place) -> Callable[[Sample], Proof]:
    """Return what proves an answer: of large exercises as many at a time as this machine has processors."""
    import os
    import threading

    from podlab.grading import prove

    large = threading.Semaphore(os.cpu_count() or 1)

    def proof(sample: Sample) -> Proof:
        with large if prove.is_large(sample.exercise) else nullcontext():
            return prove.prove(sample, place)

    return proof


def _is_wanted(args: argparse.Namespace, sample: Sample) -> bool:
    return args.only in (None, f"{sample.kind}/{sample.name}", sample.kind)


def _told(args: argparse.Namespace, proof: Proof) -> Proof:
    if args.json:
        print(json.dumps({"exercise": proof.exercise, "kind": proof.kind, "name": proof.name,
                          "seconds": round(proof.seconds, 1), "faults": list(proof.faults),
                          "report": proof.report.as_dict()}), flush=True)  # fmt: skip
        return proof
    print(proof, flush=True)
    if args.show or proof.faults:
        print("    " + str(proof.report).replace("\n", "\n    "), flush=True)
    return proof
