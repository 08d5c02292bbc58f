"""The node is asked whether a container is over: only an answer in good order proves it, and asking is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from podlab.errors import ApiError, ConnectionLostError
from podlab.observe import logfollower
from podlab.observe.logend import PAUSES_S, LogEndProbe
from podlab.observe.logfollower import Incarnation, LogFollower

Answer = Callable[[], Iterator[bytes]]


class Node:
    """Answers each question with the same lines, or fails; counts how often it was asked, and for what."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, list[dict[str, Any]]()

    @contextmanager
    def lines(self, path: str, **params: Any) -> Iterator[Iterator[bytes]]:
        self.asked.append({"path": path, **params})
        yield self.answer()


def ask(answer: Answer) -> bool:
    return LogEndProbe(Node(answer), "/log", "app", lambda: None, clock=lambda: 0.0).over()  # type: ignore[arg-type]


def failing(error: Exception) -> Answer:
    def answer() -> Iterator[bytes]:
        yield from ()
        raise error

    return answer


def test_a_log_that_ends_at_once_proves_that_the_run_is_over() -> None:
    """Followed from its end, with last words in between or without."""
    node = Node(lambda: iter(()))

    assert LogEndProbe(node, "/log", "app", lambda: None).over() is True  # type: ignore[arg-type]
    assert ask(lambda: iter([b"2026-11-23T03:07:31.849838169Z end"])) is True
    [asked] = node.asked
    assert (asked["follow"], asked["tailLines"], asked["container"]) == (True, 0, "app")


def test_no_answer_and_a_broken_one_prove_nothing() -> None:
    """A container that runs, a lost connection, a refusal, an error of the node in place of lines."""
    assert ask(failing(ConnectionLostError("read timed out"))) is False
    assert ask(failing(ApiError("waiting to start", code=400))) is False
    assert ask(failing(OSError("reset"))) is False
    assert ask(lambda: iter([b"failed to create fsnotify watcher: too many open files"])) is False


def test_a_container_that_goes_on_talking_is_not_waited_for() -> None:
    """An endless log ends the question, not the recording."""
    ticks = iter(float(n) / 10 for n in range(1000))

    def talk() -> Iterator[bytes]:
        while True:
            yield b"2026-11-23T03:07:31.849838169Z more"

    assert LogEndProbe(Node(talk), "/log", "app", lambda: None, clock=lambda: next(ticks)).over() is False  # type: ignore[arg-type]


def test_an_end_that_is_proven_twice_is_told_once() -> None:
    """Several questions can be under way; the first answer counts."""
    told: list[str] = []
    question = LogEndProbe(Node(lambda: iter(())), "/log", "app", lambda: told.append("over"))  # type: ignore[arg-type]
    for asked in [question.ask(), question.ask()]:
        assert asked
        asked.join()

    assert told == ["over"]


def test_asking_is_bounded() -> None:
    """A container that speaks for ever costs a question a second in the long run."""
    now = [0.0]
    node = Node(failing(ConnectionLostError("read timed out")))
    question = LogEndProbe(node, "/log", "app", lambda: None, clock=lambda: now[0])  # type: ignore[arg-type]
    for _ in range(1000):
        now[0] += 0.1
        question.line_came()
        if asked := question.ask():
            asked.join()

    assert 8 < len(node.asked) <= 8 + 1.0 * 100


def test_questions_follow_a_line_and_then_stop() -> None:
    """After each line a few, further and further apart; then silence is left alone."""
    question = LogEndProbe(Node(failing(OSError())), "/log", "app", lambda: None)  # type: ignore[arg-type]
    pauses = []
    while (pause := question.pause_s(60.0)) < 60:
        pauses.append(pause)
        question.ask()

    assert tuple(pauses) == PAUSES_S
    question.line_came()
    assert question.pause_s(60.0) == PAUSES_S[0]


def test_a_container_that_says_nothing_for_long_is_no_gap(monkeypatch) -> None:
    """A real node sends no header before the first line: 40 waits in vain, half an hour, and it is still followed."""
    marks: list[str] = []
    run = Incarnation("lab", "web", "u", "app", "containerd://1", 0)
    writer: Any = SimpleNamespace(
        mark=lambda event, **_: marks.append(event), now=lambda: 0.0, raw=lambda _: None
    )
    now, waits = [0.0], [0]
    follower = LogFollower(None, run, writer, 0)  # type: ignore[arg-type]

    def silent() -> None:
        now[0] += 30.0
        waits[0] += 1
        if waits[0] == 40:
            follower.stopping.set()
        raise ConnectionLostError("read timed out")

    monkeypatch.setattr(logfollower.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(logfollower, "_RETRY_S", 0.0)
    monkeypatch.setattr(follower, "_follow", silent)
    follower._hold()

    assert (waits[0], marks) == (40, [])


def test_a_node_that_refuses_at_once_is_given_up_with_a_gap(monkeypatch) -> None:
    """What fails without any wait is counted as before."""
    marks: list[str] = []
    run = Incarnation("lab", "web", "u", "app", "containerd://1", 0)
    writer: Any = SimpleNamespace(
        mark=lambda event, **_: marks.append(event), now=lambda: 0.0, raw=lambda _: None
    )
    follower = LogFollower(None, run, writer, 0)  # type: ignore[arg-type]

    def refused() -> None:
        raise ConnectionLostError("connection refused")

    monkeypatch.setattr(logfollower, "_RETRY_S", 0.0)
    monkeypatch.setattr(follower, "_follow", refused)
    follower._hold()

    assert marks == ["gap"]


def test_logs_that_may_not_be_read_are_asked_for_once(monkeypatch) -> None:
    """Roles do not change by asking; the gap says what RBAC said."""
    marks: list[tuple[str, str]] = []
    run = Incarnation("lab", "web", "u", "app", "containerd://1", 0)
    writer: Any = SimpleNamespace(
        mark=lambda event, **more: marks.append((event, more["reason"])), now=lambda: 0.0, raw=lambda _: None
    )
    follower, asked = LogFollower(None, run, writer, 0), []  # type: ignore[arg-type]

    def forbidden() -> None:
        asked.append(1)
        raise ApiError("refused", cause="pods is forbidden: cannot get pods/log", code=403)

    monkeypatch.setattr(logfollower, "_RETRY_S", 0.0)
    monkeypatch.setattr(follower, "_follow", forbidden)
    follower._hold()

    assert (len(asked), marks) == (1, [("gap", "pods is forbidden: cannot get pods/log")])
