"""e11 in-order: three lanes in order, each with its effect: an archive asked for, a page that a customer gets."""

from podlab.checks import Case, Finding, Life, check

STEPS = ("fetch", "unpack", "shop")
ROLES = ("init", "init", "app")


def served(life: Life) -> bool:
    """Return whether the customer got this run's page."""
    return bool(life.said("caller", event="call", good=True))


@check("order")
def order(case: Case) -> Finding:
    """By the kinds of the three lanes, and by what each of them did."""
    life = case.life()
    missing = [name for name in STEPS if not life.role(name)]
    if missing:
        return Finding(
            False, f"the Pod has no container {missing[0]}", "two steps were asked for, and an app", 1
        )
    roles = [life.role(name) for name in STEPS]
    if roles[0] == "sidecar":
        return Finding(
            False, "fetch is a sidecar", "the next container waits for a sidecar's start, not its end", 2
        )
    if roles != list(ROLES):
        return Finding(
            False, "one of them stands in the other list", "app containers wait for all of initContainers", 1
        )
    if not life.ran("shop"):
        return stuck(life)
    done = life.started_before("fetch", "unpack") and life.started_before("unpack", "shop")
    worked = served(life) and bool(life.said("config", event="request", path="/site.tar.gz"))
    return Finding(done and worked if done is not None else None,
                   "the order of starts is another one" if not done else "they ran, and the page is not there",
                   "a step counts when its work arrives", 1 if not done else 3)  # fmt: skip


def stuck(life: Life) -> Finding:
    """Say which init container fails."""
    failing = next((name for name in STEPS[:2] if any(life.exit_codes(name))), "an init container")
    asked = bool(life.said("config", event="request"))
    why = (
        "what fetch wrote lies where unpack does not look" if asked else "unpack comes before fetch, or alone"
    )
    return Finding(False, f"{failing} fails, and shop never starts", why, 3 if asked else 1)


@check("page")
def page(case: Case) -> Finding:
    """A page that was there by luck earns nothing: unpack must be over when shop reads it."""
    life = case.life()
    if life.role("unpack") == "app":
        return Finding(False, "unpack runs beside shop, so the page may come too late", hint=1)
    if life.role("fetch") == "sidecar":
        return Finding(False, "the Pod is Ready only while fetch runs, and gets no calls in between",
                       "a sidecar that ends is started again, after longer and longer pauses", 2)  # fmt: skip
    if not life.ran("shop"):
        return Finding(False, "shop never started")
    return Finding(served(life), "shop answers without the page, or not at all")


@check("accepted")
def accepted(case: Case) -> Finding:
    """A refused manifest makes no Pod, and is not judged at all."""
    return Finding(case.life().made)
