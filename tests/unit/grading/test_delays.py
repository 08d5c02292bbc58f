"""How late a machine and its API server are: delays, and for how long they concern what ran."""

from __future__ import annotations

import pytest

from podlab.client import Client, Kubeconfig
from podlab.errors import ConnectionLostError
from podlab.grading.delays import ASK_EVERY, EVERY_S, SLOW_S, DelayMonitor


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

    def monitor(self, client: Client | None = None) -> DelayMonitor:
        return DelayMonitor(client, clock=self.clock, sleep=self.sleep, work=self.work)


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


def measured(monitor: DelayMonitor, count: int = ASK_EVERY) -> None:
    """Let the monitor measure so many times."""
    for _ in range(count):
        monitor.measure()


def test_a_quiet_machine_is_not_late() -> None:
    machine = Machine()
    monitor = machine.monitor(Server(machine))
    measured(monitor)

    assert monitor.worst_s(0) == pytest.approx(0)


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
    monitor = machine.monitor(Server(machine))
    measured(monitor)

    assert monitor.worst_s(0) == pytest.approx(worst)


def test_a_delay_concerns_what_ran_meanwhile_alone() -> None:
    """Answers before and after it are judged; one that began in it is not."""
    machine = Machine()
    monitor = machine.monitor()
    before = machine.now
    monitor.measure()
    calm_until = machine.now - EVERY_S / 2
    machine.late = 5.0
    monitor.measure()
    machine.late = 0.0
    after = machine.now + EVERY_S / 2
    monitor.measure()

    assert monitor.worst_s(before, calm_until) == pytest.approx(0)
    assert monitor.worst_s(machine.now - 2 * EVERY_S) >= SLOW_S
    assert monitor.worst_s(after) == pytest.approx(0)


def test_a_server_that_is_away_is_late_until_it_answers_again() -> None:
    """A wait of a play may end in vain meanwhile, so points that are lost then prove nothing."""
    machine = Machine()
    machine.answers_in = 0.1
    server = Server(machine, gone=True)
    monitor = machine.monitor(server)
    measured(monitor, 3 * ASK_EVERY)
    away_s = monitor.worst_s(machine.now)
    server.gone = False
    measured(monitor)
    back_at = machine.now
    measured(monitor)

    assert away_s == pytest.approx(2 * (ASK_EVERY * EVERY_S + 0.02) + 3 * 0.1, abs=0.05)
    assert monitor.worst_s(0) > away_s
    assert monitor.worst_s(back_at + 0.01) == pytest.approx(0.1)


def test_waiting_for_calm_ends_with_the_delays_or_at_its_deadline() -> None:
    machine = Machine()
    monitor = machine.monitor()
    machine.late = 5.0
    monitor.measure()
    machine.late = 0.0

    assert monitor.calm(30.0)
    machine.late = 5.0
    monitor.measure()
    assert not monitor.calm(0.0)
