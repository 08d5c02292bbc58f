"""e08 run-twice: what lies on the volume after prepare ran once, again, and after half a run."""

from podlab.checks import Case, Finding, Life, check

AGAIN = "a new sandbox has all init containers run again, and the volume is the one from before"


def wanted(case: Case) -> list[str]:
    """Return the lines of the list, in the order of the ConfigMap."""
    return [f"acct-{number} {case.values['nonce']}" for number in case.values["accounts"]]


def differs(case: Case, life: Life, step: str) -> str:
    """Return how the list that *step* read differs from what it should be; empty where it does not."""
    if not life.reached(step):
        return "shop never ran again" if step == "list-again" else "shop never ran"
    lines = str(life.act(step).output).splitlines()
    if sorted(lines) == sorted(wanted(case)):
        return ""
    if not set(lines) <= set(wanted(case)):
        return "the list holds lines that the bank never wrote"
    return (
        "the list holds accounts twice"
        if len(lines) > len(set(lines))
        else "accounts are missing in the list"
    )


def hidden_errors(case: Case) -> int | None:
    """Return the hint for a script whose errors are switched off instead of avoided."""
    return 1 if "|| true" in case.answer.text or "|| :" in case.answer.text else None


@check("list")
def first_list(case: Case) -> Finding:
    """Before anything happens."""
    found = differs(case, case.life("lost"), "list")
    return Finding(not found, found)


@check("lost")
def lost(case: Case) -> Finding:
    """Two more complete runs on the same volume."""
    life = case.life("lost")
    found = differs(case, life, "list-again")
    codes = life.exit_codes("prepare")
    if not life.reached("list-again") and life.phase == "Failed":
        return Finding(
            False, "the Pod is Failed", "with restartPolicy Never a lost sandbox is the end of the Pod"
        )
    if not found and codes[-1] != 0:
        found = "prepare did not end with 0"
    return Finding(not found, found, AGAIN, hidden_errors(case))


@check("cut")
def cut(case: Case) -> Finding:
    """The kill met prepare while it waited for the bank; one that gave up waiting cannot be cut."""
    life = case.life("cut")
    if life.reached("half-way") and not life.reached("kill"):
        return Finding(None, "prepare was over before it could be killed")
    if not life.reached("half-way"):
        return Finding(False, "prepare never asked the bank for its accounts", hint=2)
    found = differs(case, life, "list")
    return Finding(not found, found, "a killed init container is run again, and finds half of its work done",
                   hidden_errors(case))  # fmt: skip


@check("kept")
def kept(case: Case) -> Finding:
    """The grader's order is one of the shop's."""
    life = case.life("lost")
    if not life.reached("orders"):
        return Finding(False, "shop never ran again")
    return Finding(life.act("orders").output == "1", "the order is gone", "the folder is the shop's as well")
