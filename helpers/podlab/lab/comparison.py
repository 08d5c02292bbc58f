"""
The rounds of page 05: what each takes from its recordings, as facts and as a row of the table of forms.

Every value is read from a recording, a log or the server; the page shows the manifests and prints the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podlab.errors import PodlabError
from podlab.lab import forms
from podlab.lab.table import FormTable
from podlab.pods import roles

if TYPE_CHECKING:
    from podlab.lab.core import Lab
    from podlab.timeline import Timeline

Lives = Mapping[str, "Timeline"]
Facts = dict[str, Any]
POLICIES = ("Always", "OnFailure", "Never")
HELPERS = {"init": "fetch", "sidecar": "proxy", "older": "helper"}
"""Container of round 5.1 that has the form."""


class Comparison:
    """
    The table while it grows. Each method takes what its round recorded, adds a row, and returns the round's facts.

    Args:
        lab: Where the Pods of the page live.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab, self.table = lab, FormTable()
        self.ran: dict[str, list[str]] = {}
        self.fate: dict[str, list[Any]] = {}

    def when(self, life: Timeline) -> Facts:
        """Round 5.1: before, with, after the shop, by form."""
        self.ran = {form: forms.when(life, name, "shop") for form, name in HELPERS.items()}
        cells = {form: (self.ran[form], life, (name, "shop")) for form, name in HELPERS.items()}
        self.table.add("When does it run?", "printed: alongside / before", **cells)
        row = forms.verdict(self.ran["sidecar"] == ["with"], self.ran["init"] == ["before"])
        return {**{name: self.ran[form] for form, name in HELPERS.items()}, "the_row": row}

    def lifecycle(self, lives: Lives) -> Facts:
        """Round 5.2: which Job is complete, and how often the init ran; *lives* by the names of the Jobs' Pods."""
        by_form = {name.split("-")[1]: life for name, life in lives.items()}
        # A control plane makes the Pods of three Jobs in any order.
        of = {form: by_form[form] for form in HELPERS}
        done = {form: self._complete(f"report-{form}") for form in of}
        runs = {form: life.starts("helper") for form, life in of.items()}
        cells = {form: ({"runs": runs[form], "Job complete": done[form]}, of[form]) for form in of}
        self.table.add("How often, how long?", "printed: for the lifetime of the Pod / once", **cells)
        row = forms.verdict("after" in forms.when(of["sidecar"], "helper", "report"), runs["init"] == 1)
        return {**done, "runs_of_the_init": runs["init"], "the_row": row}

    def purpose(self, lives: Lives) -> Facts:
        """Round 5.3: prepare or serve, by Pod."""
        does = {name: forms.purpose(life, "helper", "app") for name, life in lives.items()}
        roles: dict[str, dict[str, Timeline]] = {"init": {}, "sidecar": {}, "app": {}}
        for name, life in lives.items():
            roles[life.lane("helper").role][name] = life
        words = {role: {does[name] for name in found} for role, found in roles.items()}
        cells = {"older" if role == "app" else role: (words[role], next(iter(found.values())))
                 for role, found in roles.items()}  # fmt: skip
        self.table.add("What is it for?", "printed: support / set-up", **cells)
        return {**does, "the_row": forms.verdict(words["sidecar"] == {"serve"}, words["init"] == {"prepare"})}

    def restart(self, lives: Lives) -> Facts:
        """Round 5.4: does it come back, and the last phase, by form and policy; *lives* by ``form-policy``."""
        self.fate = {pod: [life.restarts("helper") > 0, life.phase] for pod, life in lives.items()}
        same = all(len(self.lab.seen(pod, "metadata.uid")) == 1 for pod in lives)
        for policy in POLICIES:
            pods = {form: f"{form}-{policy.lower()}" for form in HELPERS}
            printed = "printed: independently / the Pod is restarted" if policy == POLICIES[0] else ""
            cells = {form: (self.fate[pod], lives[pod]) for form, pod in pods.items()}
            self.table.add(f"Does it come back under {policy}? The phase?", printed, **cells)
        alone = all(self.fate[f"sidecar-{policy.lower()}"][0] for policy in POLICIES)
        return {**self.fate, "every_pod_kept_its_uid": same, "the_row": forms.verdict(alone, not same)}

    def network(self, life: Timeline) -> Facts:
        """Round 5.5: who was answered, from the callers' own lines."""
        got = {name: self._first_call("net", name) for name in ("early", "late", "ahead")}
        peer = self.lab.wait_for_line("net", "peer", outcome="ok")["outcome"]
        outside = [line["outcome"] for line in self.lab.lines("caller", "caller", event="call")]
        self.table.add(
            "Whom can it reach?", "printed: both share network and volumes with the app",
            init=({"the proxy above": got["late"], "the app": got["ahead"]}, life, ("proxy", "late", "ahead", "shop")),
            sidecar=({"from above": got["early"], "from below": got["late"]}, life, ("early", "proxy", "late")),
            older=({"the app, once both are up": peer}, life, ("shop", "peer")),
        )  # fmt: skip
        return {
            "early_to_the_proxy": got["early"], "late_to_the_proxy": got["late"], "ahead_to_the_shop": got["ahead"],
            "caller_until_ready": outside[outside.index("ok") - 1], "caller_in_the_end": outside[-1],
            "addresses_of_the_pod": len(self.lab.seen("net", "status.podIP")),
            "the_row": forms.verdict(got["late"] == "ok", got["ahead"] == "ok"),
        }  # fmt: skip

    def use(self, lives: Lives) -> Facts:
        """Round 5.6: what the shop found as printed and with the forms exchanged."""
        found = {pod: self._found(pod, lives[pod]) for pod in ("printed", "exchanged")}
        starts = {pod: life.starts("shop") > 0 for pod, life in lives.items()}
        preparing, serving = ("fetch", "migrate", "check", "shop"), ("proxy", "shop")
        self.table.add("Fit for fetch, migrate, check?", "printed: init",
                       init=(found["printed"], lives["printed"], preparing),
                       sidecar=(found["exchanged"], lives["exchanged"], preparing))  # fmt: skip
        self.table.add("Fit for a proxy?", "printed: sidecar",
                       init=({"the app starts": starts["blocked"]}, lives["blocked"], serving),
                       sidecar=({"the app starts": starts["printed"]}, lives["printed"], serving))  # fmt: skip
        good = found["printed"] == {"file": "there", "query": "ok", "migrate": "once"}
        row = forms.verdict(
            good and found["exchanged"] != found["printed"], starts["printed"] and not starts["blocked"]
        )
        asked = found["exchanged"]
        return {"the_file": asked["file"], "first_query": asked["query"], "runs_of_migrate": asked["migrate"],
                "app_of_blocked_starts": starts["blocked"], "as_printed": list(found["printed"].values()),
                "the_row": row}  # fmt: skip

    def left_out(self, lives: Lives, first: Timeline) -> Facts:
        """Round 5.7: which Pods got a place on the node, and the order of the stop in round 5.1."""
        fits = {form: any(lane.starts for lane in life.lanes) for form, life in lives.items()}
        words = {"init": "two inits", "sidecar": "sidecar and app", "older": "two apps"}
        cells = {form: ({f"{words[form]} fit": fits[form]}, life) for form, life in lives.items()}
        self.table.add("What does it reserve?", "each asks for a little more than half a node", **cells)
        stops = {form: ({"after the shop": "after" in ran}, first, (HELPERS[form], "shop"))
                 for form, ran in self.ran.items()}  # fmt: skip
        self.table.add("Does it stop last?", "the Pod of the first row, deleted", **stops)
        why = [
            self.lab.condition(pod, "PodScheduled").get("message", "")
            for pod in ("sidecar-and-app", "two-apps")
        ]
        return {**{words[form].replace(" ", "_"): fits[form] for form in words}, "stop": first.stop_order(),
                "for_want_of_cpu": ["Insufficient cpu" in message for message in why]}  # fmt: skip

    def needs(self) -> Facts:
        """Round 5.8: the forms that satisfy each need, from the rows above."""

        def those(holds: Callable[[str, list[str]], bool]) -> set[str]:
            return {form for form, ran in self.ran.items() if holds(form, ran)}

        return {
            "must_end_before_the_app_starts": those(lambda _, ran: ran == ["before"]),
            "must_be_up_when_the_app_starts": those(lambda _, ran: {"before", "with"} <= set(ran)),
            "must_outlast_the_app": those(lambda _, ran: "after" in ran),
            "must_come_back_under_never": those(lambda form, _: bool(self.fate[f"{form}-never"][0])),
        }

    def _complete(self, job: str) -> bool:
        return bool(self.lab.get("job", job)["status"].get("succeeded"))

    def _first_call(self, pod: str, container: str) -> str:
        return str(self.lab.wait_for_line(pod, container, event="call")["outcome"])

    def _found(self, pod: str, life: Timeline) -> dict[str, str]:
        file = self.lab.wait_for_line(pod, "shop", event="file")
        call = self.lab.wait_for_line(pod, "shop", event="first-call")
        return {
            "file": "missing" if file.get("missing") else "there",
            "query": str(call["outcome"]),
            "migrate": "once" if life.starts("migrate") == 1 else "more",
        }


def jobs_are_over(pods: Sequence[Any]) -> bool:
    """
    Until of round 5.2: all three Pods are there and two of them are over; the third never is.

    A phase may be shown before the end of the sidecar, and without that end no order of ends is known.
    """
    return len(pods) == len(HELPERS) and sum(map(_is_over, pods)) == 2


def _is_over(pod: Any) -> bool:
    ended = ["terminated" in (row.get("state") or {}) for row in roles.statuses(pod)]
    return pod["status"].get("phase") == "Succeeded" and bool(ended) and all(ended)


def nine_are_over(lab: Lab) -> Callable[[list[Any]], bool]:
    """Until of round 5.4: under Always the helper was back and the Pod ran; the others have ended."""
    held = [lab.when(f"{form}-always", container="helper", restarts=1) for form in HELPERS]
    held += [lab.when(f"{form}-always", phase="Running") for form in HELPERS]
    held += [lab.when(f"{form}-onfailure", phase="Succeeded") for form in HELPERS]
    ends = {"init": "Failed", "sidecar": "Succeeded", "older": "Failed"}
    held += [lab.when(f"{form}-never", phase=phase) for form, phase in ends.items()]
    return lambda pods: [each(pods) for each in held].count(False) == 0  # asks all: each must see every state


def scheduler_has_looked(pods: Sequence[Any]) -> bool:
    """Until of round 5.7: the scheduler has given the Pod a node, or written why not."""
    kinds = [{each["type"] for each in pod["status"].get("conditions") or []} for pod in pods]
    return bool(kinds) and all("PodScheduled" in found for found in kinds)


def open_when_asked(lab: Lab, database: str) -> Callable[[], None]:
    """Act of round 5.6: apply *database* as soon as the shop of Pod ``exchanged`` has made its first call."""

    def called() -> bool:
        try:
            return bool(lab.lines("exchanged", "shop", event="first-call"))
        except PodlabError:  # no such Pod yet, or its container has not started
            return False

    def act() -> None:
        lab.wait(called, "the shop of Pod exchanged never called", deadline_s=90)
        lab.apply(database)

    return act
