"""e00 first-order: how answering works; the order in which the first Pod's containers started."""

from __future__ import annotations

from podlab.checks import notation
from podlab.checks.verdict import Report, Verdict
from podlab.errors import CheckError
from podlab.grading.exercise import Exercise, Place

POD = "first"


def judge(exercise: Exercise, answer: str, place: Place) -> Report:
    """Compare each claim of the answer with the recorded order; a claim too many costs as one too few."""
    timeline = place.runs.get(POD)
    if timeline is None:
        return exercise.refuse(f"Pod {POD!r} was not recorded yet; run round 0.2 first")
    truth = notation.parse(timeline.start_order())
    try:
        said = notation.parse(_bare(answer))
    except CheckError as error:
        return exercise.refuse("this cannot be read", *str(error).splitlines())
    names, known = _names(said), _names(truth)
    if names != known:
        return exercise.refuse(
            f"0 of {exercise.points}, name each container once: {', '.join(sorted(known))}"
        )
    return Report(exercise.name, exercise.points, [_first(said, truth), _whole(said, truth)])


def _first(said: notation.Steps, truth: notation.Steps) -> Verdict:
    return Verdict(
        "the first step",
        1,
        said[0] == truth[0],
        expected="the container that starts before all others",
        found=notation.show(said[:1]),
        why="another container had ended or started before it",
        hint=1,
    )


def _whole(said: notation.Steps, truth: notation.Steps) -> Verdict:
    return Verdict(
        "every step",
        1,
        said == truth,
        expected="each container after those that it waits for",
        found=_differences(notation.pairs(said), notation.pairs(truth)),
        hint=2,
    )


def _differences(said: set[tuple[str, str]], truth: set[tuple[str, str]]) -> str:
    """Count what a learner counts: two exchanged names are one pair, not one claim too many and one missing."""
    turned = {(later, earlier) for earlier, later in truth}
    counts = {
        "the wrong way round": len(said & turned),
        "in an order that nothing promises": len(said - truth - turned),
        "whose order is missing": len({pair for pair in truth - said if pair[::-1] not in said}),
    }
    return ", ".join(f"{n} pair{'s' * (n != 1)} {what}" for what, n in counts.items() if n)


def _bare(answer: str) -> str:
    return " ".join(line.split("#", 1)[0].strip() for line in answer.splitlines()).strip()


def _names(steps: notation.Steps) -> set[str]:
    return {name for step in steps for name in step}


EXERCISE = Exercise(
    id="e00",
    title="first-order",
    kind="prediction",
    points=2,
    ask="In which order did the three containers of the Pod `first` start?",
    starter="",
    hints=(
        "Look at the left edges of the lanes in the picture of round 0.2.",
        "A bar says: what stands right of it waited for what stands left of it.",
        "fetch had to end first; then came the sidecar, then the app.",
    ),
    judge=judge,
)
