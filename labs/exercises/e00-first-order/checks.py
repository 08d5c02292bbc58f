"""e00 first-order: each claim of the answer against the recorded order; a claim too many costs as one too few."""

from podlab.checks import Case, Finding, check, notation
from podlab.errors import CheckError
from podlab.grading.exercise import Refused


def orders(case: Case) -> tuple[notation.Steps, notation.Steps]:
    """Return the answer and the truth; Refused where the answer cannot be compared."""
    truth = notation.parse(case.life().start_order())
    try:
        answer = notation.parse(" ".join(case.answer.text.split()))
    except CheckError as error:
        raise Refused("this cannot be read", cause=str(error)) from error
    wanted, named = names(truth), names(answer)
    if not named <= wanted:
        raise Refused(f"name only these containers: {', '.join(sorted(wanted))}")
    return answer, truth


def names(steps: notation.Steps) -> set[str]:
    """Return every name in *steps*."""
    return {name for step in steps for name in step}


@check("first")
def first(case: Case) -> Finding:
    """A partial answer earns this step alone."""
    answer, truth = orders(case)
    return Finding(
        answer[0] == truth[0], notation.show(answer[:1]), "another container had ended or started before it"
    )


@check("every")
def every(case: Case) -> Finding:
    """Every container once, in the promised order."""
    answer, truth = orders(case)
    return Finding(answer == truth, differences(answer, truth))


def differences(answer: notation.Steps, truth: notation.Steps) -> str:
    """Count what a learner counts: two exchanged names are one pair, not one claim too many and one missing."""
    claimed, right = notation.pairs(answer), notation.pairs(truth)
    turned = {(later, earlier) for earlier, later in right}
    counts = {
        "the wrong way round": len(claimed & turned),
        "in an order that nothing promises": len(claimed - right - turned),
        "whose order is missing": len({pair for pair in right - claimed if pair[::-1] not in claimed}),
    }
    return ", ".join(f"{n} pair{'s' * (n != 1)} {what}" for what, n in counts.items() if n)
