"""e28 which-form: choices against the key; where two forms can be defended, either counts."""

from podlab.checks import Case, Finding, check
from podlab.errors import CheckError

COUNT = 8
ONCE, STAYS, ENDS = ("job", "daemonset"), ("sidecar",), ("init",)


def needs(case: Case) -> dict[int, str]:
    """Return number -> need, as the question lists them."""
    listed = case.values["needs"]
    if len(listed) != COUNT:
        raise CheckError(f"e28 asks for {COUNT} needs, and exercise.toml draws {len(listed)}")
    return dict(enumerate(listed, 1))


@check("forms")
def forms(case: Case) -> Finding:
    """Right ones minus wrong ones; what is left open costs nothing."""
    chosen = {number: case.answer.chose(str(number)) for number in needs(case)}
    given = {number: form for number, form in chosen.items() if form}
    wrong = [number for number, form in given.items() if not case.key.accepts(needs(case)[number], form)]
    left = f", {COUNT - len(given)} left open" if len(given) < COUNT else ""
    found = f"the form does not fit need {', '.join(map(str, wrong)) or '-'}{left}"
    hint = min((hint_for(case, needs(case)[number], given[number]) for number in wrong), default=None)
    return Finding.counted(max(0, len(given) - 2 * len(wrong)), COUNT, found=found, hint=hint)


def hint_for(case: Case, need: str, form: str) -> int:
    """Return the hint for one wrong form: how often is it needed, must it end, when is it needed?"""
    if any(case.key.accepts(need, right) for right in ONCE):
        return 3
    ends = any(case.key.accepts(need, right) for right in ENDS)
    stays = any(case.key.accepts(need, right) for right in STAYS)
    return 1 if (ends and not_ending(form)) or (stays and not not_ending(form)) else 2


def not_ending(form: str) -> bool:
    """Return whether a form names what stays beside the app."""
    return form in ("b", "c") or form.startswith(("sidecar", "second"))


def reason(case: Case, number: int) -> Finding:
    """Return the finding about one reason: a single letter."""
    chosen = case.answer.chose(f"{number} because")
    found = f"you chose {chosen.upper()}" if chosen else "no reason is chosen"
    return Finding(case.key.accepts(f"because {needs(case)[number]}", chosen), found)


@check("first-reason")
def first_reason(case: Case) -> Finding:
    """Need 1."""
    return reason(case, 1)


@check("second-reason")
def second_reason(case: Case) -> Finding:
    """Need 2."""
    return reason(case, 2)
