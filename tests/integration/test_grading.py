"""Grading on a cluster: two at once, interrupted, resumed, on one shared namespace; and what a run leaves behind."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from podlab.client import Client
from podlab.client.budget import Budget
from podlab.errors import ApiError, PodlabError
from podlab.grading import Place, find, grade, regrade, together
from podlab.grading.prove import samples
from podlab.grading.run_namespace import LOCK, RunNamespace

RIGHT = next(sample.text for sample in samples(find("e14")) if sample.name == "moved")
LABEL = {"podlab/test": "grading"}


def left_over(client: Client, label: str) -> list[str]:
    """Namespaces of a grading that are not being deleted."""
    found = client.get("/api/v1/namespaces", labelSelector=label)["items"]
    return [each["metadata"]["name"] for each in found if not each["metadata"].get("deletionTimestamp")]


def test_two_gradings_at_once_do_not_meet(client: Client) -> None:
    """Each runs in a namespace of its own: both right answers get full marks."""
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: grade("e14", RIGHT, Place(client)), range(2)))

    assert [report.score for report in reports] == [5, 5], "\n".join(map(str, reports))


def test_gradings_share_one_watch_and_one_budget(client: Client, tmp_path: Path) -> None:
    """Three answers at once, right and wrong: two watches in all, each with its own verdict and its own evidence."""
    wrong = next(sample.text for sample in samples(find("e14")) if sample.kind == "mistakes")
    texts, watches = [RIGHT, wrong, RIGHT], list[str]()
    with together(Place(client), Budget(50, 100)) as place:
        assert place.client is not None
        assert place.shared is not None
        stream = place.client.stream

        def counted(path: str, **options: Any) -> Any:
            if options.get("watch"):
                watches.append(path)
            return stream(path, **options)

        place.client.stream = counted  # type: ignore[method-assign]
        with ThreadPoolExecutor(3) as pool:
            reports = list(
                pool.map(
                    lambda n: grade("e14", texts[n], replace(place, keep=tmp_path / str(n))),
                    range(len(texts)),
                )
            )
        pods = sum(len(uids) for uids in place.shared.nodes.values())

    assert [report.score == 5 for report in reports] == [True, False, True], "\n".join(map(str, reports))
    assert all(report.gradable for report in reports), "\n".join(map(str, reports))
    assert [path for path in watches if "/namespaces/" in path] == []
    assert pods >= 3
    for number, text in enumerate(texts):
        assert str(regrade(find("e14"), text, tmp_path / str(number))) == str(reports[number])


def test_an_answer_that_shares_its_processes_is_judged_by_the_named_container(client: Client) -> None:
    """The kill meets shipper, not the Pod's sandbox."""
    report = grade(
        "e14", RIGHT.replace("spec:\n", "spec:\n  shareProcessNamespace: true\n", 1), Place(client)
    )

    assert report.score == 5, str(report)


def test_an_interrupted_grading_leaves_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a play: the namespace is taken away."""
    begun = threading.Event()
    place = Place(client, see=lambda *_: begun.set(), labels=LABEL)

    def interrupt(*_args: object) -> object:
        assert begun.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        grade("e14", RIGHT, place)

    gives_up_at = time.monotonic() + 60
    while left_over(client, "podlab/test=grading") and time.monotonic() < gives_up_at:
        time.sleep(0.5)
    assert left_over(client, "podlab/test=grading") == []


def test_a_grade_can_be_made_again_from_its_evidence(client: Client, tmp_path: Path) -> None:
    """The kept recording and acts give the same report, without a cluster."""
    first = grade("e14", RIGHT, Place(client, keep=tmp_path))
    again = regrade(find("e14"), RIGHT, tmp_path)

    assert str(again) == str(first)
    assert first.score == 5, str(first)


def test_a_shared_namespace_is_used_by_one_grading_at_a_time(
    client: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no namespace can be made, the second grading waits for the first, and nothing of either stays."""
    create = client.create

    def forbidden(path: str, body: dict[str, object], **params: object) -> dict[str, object]:
        if path == "/api/v1/namespaces":
            from podlab.errors import ApiError

            raise ApiError("forbidden", code=403)
        return create(path, body, **params)

    monkeypatch.setattr(client, "create", forbidden)
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: grade("e14", RIGHT, Place(client, namespace)), range(2)))

    assert [report.score for report in reports] == [5, 5], "\n".join(map(str, reports))
    maps = [
        each["metadata"]["name"] for each in client.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    ]
    assert LOCK not in maps
    assert not client.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector="podlab/part=answer")["items"]


def test_a_cluster_that_goes_away_is_not_gradable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grader's own trouble is never a zero."""
    enter = RunNamespace.__enter__

    def gone(self: RunNamespace) -> RunNamespace:
        enter(self)
        raise PodlabError("the API server stopped answering")

    monkeypatch.setattr(RunNamespace, "__enter__", gone)
    report = grade("e14", RIGHT, Place(client))

    assert report.state == "not gradable"
    assert report.as_dict()["score"] is None


def test_a_pod_that_asks_for_minutes_of_grace_is_ended_with_its_grading(client: Client) -> None:
    """It ignores SIGTERM; its namespace would wait for it as long as it asks for."""
    body = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stays"},
        "spec": {
            "terminationGracePeriodSeconds": 600,
            "containers": [{"name": "app", "image": "busybox:1.36",
                            "command": ["sh", "-c", "trap : TERM; while :; do sleep 1; done"]}],
        },
    }  # fmt: skip
    with RunNamespace(client, "e99", "default", LABEL) as run_namespace:
        path = f"/api/v1/namespaces/{run_namespace.name}/pods"
        client.create(path, body)
        gives_up_at = time.monotonic() + 120
        while client.get(f"{path}/stays")["status"].get("phase") != "Running":
            assert time.monotonic() < gives_up_at
            time.sleep(0.2)

    gives_up_at = time.monotonic() + 120
    while client.get(path)["items"] and time.monotonic() < gives_up_at:
        time.sleep(0.2)
    assert not client.get(path)["items"]


def test_a_container_without_limits_gets_some(client: Client) -> None:
    """Else it would have the node's whole memory and disk, beside the answers of others; its own limits stay."""
    own = {"limits": {"memory": "2Gi"}, "requests": {"memory": "64Mi"}}
    body = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "greedy"},
        "spec": {"containers": [
            {"name": "a", "image": "busybox:1.36", "command": ["sleep", "60"]},
            {"name": "b", "image": "busybox:1.36", "command": ["sleep", "60"], "resources": own},
        ]},
    }  # fmt: skip
    with RunNamespace(client, "e99", "default", LABEL) as run_namespace:
        stored = client.create(f"/api/v1/namespaces/{run_namespace.name}/pods", body)

    requests = [each["resources"]["requests"]["memory"] for each in stored["spec"]["containers"]]
    assert requests == ["0", "64Mi"], "an exercise that asks for requests sees that there are none"
    limits = [each["resources"]["limits"] for each in stored["spec"]["containers"]]
    assert [each["memory"] for each in limits] == ["1Gi", "2Gi"]
    assert [each["ephemeral-storage"] for each in limits] == ["1Gi", "1Gi"]


def test_a_flood_of_objects_ends_at_the_quota_of_its_namespace(client: Client) -> None:
    """A port of the node and the sixty-first ConfigMap are refused; an answer needs neither."""
    with RunNamespace(client, "e14", "default") as run_namespace:
        space = f"/api/v1/namespaces/{run_namespace.name}"
        port = {"metadata": {"name": "p"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
        with pytest.raises(ApiError, match="exceeded quota"):
            client.create(f"{space}/services", port)
        with pytest.raises(ApiError, match="exceeded quota"):
            for number in range(61):
                client.create(f"{space}/configmaps", {"metadata": {"name": f"c{number}"}})
