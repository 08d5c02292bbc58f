"""How late a machine and its API server are: delays, and for how long they concern what ran."""

from __future__ import annotations

import pytest

from podlab.client import Client, Kubeconfig
from podlab.errors import ConnectionLostError
from podlab.grading.pulse import ASK_EVERY, EVERY_S, SLOW_S, Pulse


class Machine:
    """A clock by hand; each sleep lasts as asked and *late* longer, each piece of work *starved* longer."""

    def __init__(self) -> None:
        self.now, self.late, self.starved, self.answers_in = 1000.0, 0.0, 0.0, 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late

    def work(self) -> float:
        self.now += 0.02 + self.starved
        return 0.02

    def pulse(self, client: Client | None = None) -> Pulse:
        return Pulse(client, clock=self.clock, sleep=self.sleep, work=self.work)


class Server(Client):
    """A client whose server answers as late as the machine says, or not at all."""

    def __init__(self, machine: Machine, *, gone: bool = False) -> None:
        super().__init__(Kubeconfig("http://127.0.0.1:1", "c", "n", {}, {}))
        self.machine, self.gone = machine, gone

    def get(self, _path: str, **_params: object) -> dict[str, object]:  # type: ignore[override]
        self.machine.now += self.machine.answers_in
        if self.gone:
            raise ConnectionLostError("gone")
        return {}


def beats(pulse: Pulse, count: int = ASK_EVERY) -> None:
    """Let the pulse beat."""
    for _ in range(count):
        pulse.beat()


def test_a_quiet_machine_is_not_late() -> None:
    machine = Machine()
    pulse = machine.pulse(Server(machine))
    beats(pulse)

    assert pulse.worst_s(0) == pytest.approx(0)


@pytest.mark.parametrize(
    ("late", "starved", "answers_in", "worst"),
    [(2.0, 0, 0, 2.0), (0, 0.3, 0, 1.5), (0, 0, 4.0, 4.0)],
)
def test_late_sleeps_starved_work_and_late_answers_are_delays(
    late: float, starved: float, answers_in: float, worst: float
) -> None:
    """Work counts as much as the start of a Pod would be late, which is five times as much work."""
    machine = Machine()
    machine.late, machine.starved, machine.answers_in = late, starved, answers_in
    pulse = machine.pulse(Server(machine))
    beats(pulse)

    assert pulse.worst_s(0) == pytest.approx(worst)


def test_a_delay_concerns_what_ran_meanwhile_alone() -> None:
    """Answers before and after it are judged; one that began in it is not."""
    machine = Machine()
    pulse = machine.pulse()
    before = machine.now
    pulse.beat()
    calm_until = machine.now - EVERY_S / 2
    machine.late = 5.0
    pulse.beat()
    machine.late = 0.0
    after = machine.now + EVERY_S / 2
    pulse.beat()

    assert pulse.worst_s(before, calm_until) == pytest.approx(0)
    assert pulse.worst_s(machine.now - 2 * EVERY_S) >= SLOW_S
    assert pulse.worst_s(after) == pytest.approx(0)


def test_a_server_that_is_away_is_late_until_it_answers_again() -> None:
    """A wait of a play may end in vain meanwhile, so points that are lost then prove nothing."""
    machine = Machine()
    machine.answers_in = 0.1
    server = Server(machine, gone=True)
    pulse = machine.pulse(server)
    beats(pulse, 3 * ASK_EVERY)
    away_s = pulse.worst_s(machine.now)
    server.gone = False
    beats(pulse)
    back_at = machine.now
    beats(pulse)

    assert away_s == pytest.approx(2 * (ASK_EVERY * EVERY_S + 0.02) + 3 * 0.1, abs=0.05)
    assert pulse.worst_s(0) > away_s
    assert pulse.worst_s(back_at + 0.01) == pytest.approx(0.1)


def test_waiting_for_calm_ends_with_the_delays_or_at_its_deadline() -> None:
    machine = Machine()
    pulse = machine.pulse()
    machine.late = 5.0
    pulse.beat()
    machine.late = 0.0

    assert pulse.calm(30.0)
    machine.late = 5.0
    pulse.beat()
    assert not pulse.calm(0.0)
