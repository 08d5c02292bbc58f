"""e26 what-is-certain: the answer against what the times of the status and the kubelet's rules force."""

from collections.abc import Callable

from podlab.checks import Case, Finding, check
from podlab.timeline import Timeline

WORDS = {"certain": True, "c": True, "possible": None, "p": None, "impossible": False, "i": False}
Sentence = Callable[[Timeline], "bool | None"]


def order(first: str, second: str) -> Sentence:
    """Return the sentence that *first* came before *second*."""
    return lambda timeline: timeline.before(first, second).value


def longer(name: str, than_s: float) -> Sentence:
    """Return the sentence that the only run of a container took more than so many seconds."""

    def holds(timeline: Timeline) -> bool | None:
        (run,) = timeline.runs(name)
        assert run.start is not None and run.end is not None
        if run.end.lo - run.start.hi > than_s:
            return True
        return False if run.end.hi - run.start.lo <= than_s else None

    return holds


def never(sentence: Sentence) -> Sentence:
    """Return the sentence that says the opposite."""

    def holds(timeline: Timeline) -> bool | None:
        value = sentence(timeline)
        return None if value is None else not value

    return holds


def ended(name: str) -> Sentence:
    """Return the sentence that the container has ended: its status has an exit code."""
    return lambda timeline: bool(timeline.exit_codes(name))


SENTENCES: dict[str, Sentence] = {
    "a": order("fetch.end", "check.start"),
    "b": order("shop.start", "admin.start"),
    "c": order("proxy.start", "shop.start"),
    "d": order("shop.end", "admin.end"),
    "e": order("proxy.ready", "shop.start"),
    "f": longer("check", 2.0),
    "g": never(longer("admin", 4.0)),
    "h": never(ended("admin")),
}
HINTS = {"a": 2, "b": 2, "c": 2, "d": 1, "e": 1, "f": 3, "g": 3, "h": 2}


def truth(case: Case) -> dict[str, bool | None]:
    """Return sentence -> what is known of it by the clock of the status alone: times of Events are finer."""
    recording = case.life().recording
    assert recording is not None
    timeline = Timeline.from_observations(
        recording.header, recording.observations, "certain", clocks={"status"}
    )
    return {name: sentence(timeline) for name, sentence in SENTENCES.items()}


@check("sentences")
def sentences(case: Case) -> Finding:
    """Right ones minus wrong ones."""
    known = truth(case)
    said = {name: case.answer.chose(name) for name in known if case.answer.chose(name)}
    wrong = [name for name, word in said.items() if word not in WORDS or WORDS[word] is not known[name]]
    left = f", {len(known) - len(said)} left open" if len(said) < len(known) else ""
    found = f"wrong: sentence {', '.join(wrong) or '-'}{left}"
    hint = HINTS[wrong[0]] if wrong else None
    return Finding.counted(max(0, len(said) - 2 * len(wrong)), len(known), found=found, hint=hint)
