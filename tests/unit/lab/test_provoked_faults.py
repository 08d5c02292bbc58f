"""A fault's effect is read from restart counts and from what the customer's calls came to."""

from podlab.lab.faults import Effect, provoke


class FakeLab:
    """A Pod and a customer; each look at the calls brings the next one."""

    def __init__(self, coming, *, restarts):
        self.coming, self.made, self.counts = list(coming), ["ok"] * 30, restarts

    def restarts(self, pod):
        return dict(self.counts)

    def lines(self, pod, **wanted):
        self.made.append(self.coming.pop(0) if self.coming else "ok")
        return [{"outcome": outcome} for outcome in self.made]

    def wait(self, done, what, *, deadline_s):
        for _ in range(200):
            if done():
                return
        raise TimeoutError(what)


def crash(lab, name):
    return lambda: lab.counts.update({name: lab.counts[name] + 1})


def test_a_restart_and_lost_calls_are_named():
    """What failed before the fault does not count; what failed until calls are good again does."""
    lab = FakeLab(["refused", "ok", "refused", "status 502", "ok"], restarts={"proxy": 1, "shop": 0})

    effect = provoke(lab, "shop-1", crash(lab, "proxy"), until=lambda: True)

    assert (effect.restarted, effect.lost) == ({"proxy"}, 2)
    assert str(effect) == "proxy, yes"


def test_a_fault_without_an_effect_says_nobody_and_no():
    lab = FakeLab([], restarts={"shop": 3})

    assert str(provoke(lab, "shop-1", lambda: None, until=lambda: True)) == "nobody, no"


def test_the_effect_is_complete_only_after_a_row_of_good_calls():
    """A failure after the repair still belongs to the fault."""
    late = ["ok"] * 15 + ["refused"] + ["ok"] * 5
    lab = FakeLab(late, restarts={"shop": 0})

    assert provoke(lab, "shop-1", lambda: None, until=lambda: True).lost == 1


def test_it_prints_all_who_were_restarted():
    assert str(Effect(frozenset({"shop", "proxy"}), 9, 0)) == "proxy shop, no"
    assert repr(Effect(frozenset(), 9, 2)) == "restarted: nobody; calls lost: 2 of 9"
