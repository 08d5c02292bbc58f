"""
Upstream's own specs of the kubelet, as far as they are about the course, on the embedded cluster.

``PODLAB_UPSTREAM=all`` runs all that is asked of the node suite, ``PODLAB_UPSTREAM=InitContainer`` what that regular
expression finds; `run_specs.py` runs both suites. The other tests hold the
lists and their judge to what they promise, without a cluster.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from podlab.embedded.images import ImageStore
from podlab.embedded.runtime import ImageError
from upstream import lists, mirror, plan, reports, run_specs, standins, suites
from upstream.lists import Cannot, Lists
from upstream.reports import Outcome

COURSE = ("Containers Lifecycle", "InitContainer", "Sidecars", "Restart rules")
WAITS = re.compile(r"should \*not\* be restarted|never restart|monotonically increasing")  # minutes each
PASSED, FAILED, SKIPPED = Outcome("passed", 1.0), Outcome("failed", 1.0, "why"), Outcome("skipped", 0.0)


def of_the_course(names: list[str]) -> list[str]:
    """The specs nearest to what the course teaches, without those that wait for minutes whether nothing happens."""
    return [name for name in names if reports.group_of(name).startswith(COURSE) and not WAITS.search(name)]


@pytest.mark.embedded
@pytest.mark.timeout(3600)
def test_upstreams_specs_end_as_the_lists_say(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Order of starts, restarts, probes and ends, judged by the kubelet's own tests."""
    suite = suites.Suite("node", plan.made(), run_specs.say)
    if suite.missing():
        pytest.skip(
            f"0 specs run: {', '.join(suite.missing())} not built (tests/conformance/upstream/build.py)"
        )
    known = lists.load("node")
    chosen = os.environ.get("PODLAB_UPSTREAM", "")
    names = of_the_course(known.asked) if not chosen else known.asked
    if chosen not in ("", "all"):
        names = [name for name in known.asked if re.search(chosen, name)]
    assert names

    with capfd.disabled():
        outcomes = run_specs.outcomes(suite, names, known, tmp_path, jobs=16, deadline_s=3000)
        print("\n".join(["", "upstream's specs: passed / asked", *reports.table(outcomes)]))

    faults = reports.judge(names, outcomes, known)
    assert not faults, "\n".join(faults)


def test_what_is_asked_is_whole_and_explained() -> None:
    """A spec stands in one list of one suite; no reason is left to be written."""
    node, e2e = lists.load("node"), lists.load("e2e")
    assert not set(node.asked) & set(e2e.asked)
    assert not [entry for known in (node, e2e) for entry in known.cannot.values() if "TO DO" in entry.reason]
    assert len(of_the_course(node.asked)) >= 140


def test_a_spec_that_does_not_end_as_listed_is_named() -> None:
    known = Lists(frozenset({"a", "b", "c"}), {"x": Cannot("r", "failed"), "y": Cannot("r", "skipped")})
    good = {"a": PASSED, "b": PASSED, "c": PASSED, "x": FAILED, "y": SKIPPED}
    assert reports.judge(list(good), good, known) == []
    for name, outcome, words in (
        ("a", FAILED, "failed, must pass: a"),
        ("b", SKIPPED, "skipped, must pass: b"),
        ("x", PASSED, "passes now, move it"),
        ("y", PASSED, "passes now, move it"),
        ("x", SKIPPED, "skipped, where the list says failed"),
        ("y", FAILED, "failed, where the list says skipped"),
    ):
        (line,) = reports.judge(list(good), {**good, name: outcome}, known)
        assert words in line
    assert reports.judge(["a"], {}, known) == ["not run: a"]


def test_a_spec_without_a_list_and_a_list_without_its_spec_are_named() -> None:
    known, patterns = Lists(frozenset({"a"}), {}), [(re.compile("^left"), "far away")]
    assert lists.problems(["a", "left out"], known, patterns) == []
    assert lists.problems(["left out"], known, patterns) == ["the binary has no such spec: a"]
    assert lists.problems(["a", "new"], known, patterns) == ["neither asked nor left out with a reason: new"]
    assert lists.reasons(["a", "left out", "new"], {"a"}, patterns) == {"far away": 1, "": 1}


def test_ginkgo_is_given_exactly_the_names() -> None:
    names = ["[sig-node] Pods should (all) be *not* a.b", "[sig-node] Pods should"]
    (option,) = lists.focus("E2eNode Suite", names)
    pattern = re.compile(option.removeprefix("--focus="))
    assert all(pattern.search(f"E2eNode Suite {name}") for name in names)
    assert not pattern.search(f"E2eNode Suite {names[1]} wait")
    assert not pattern.search(f"E2eNode Suite {names[0].replace('a.b', 'axb')}")


def test_a_report_holds_what_was_run_and_the_worse_of_two(tmp_path: Path) -> None:
    """Ginkgo reports what its focus left out as skipped, without an attempt."""

    def spec(text: str, state: str, attempts: int = 1, message: str = "") -> dict[str, Any]:
        return {
            "LeafNodeType": "It", "LeafNodeText": text, "ContainerHierarchyTexts": ["[sig-node] Pods"], "State": state,
            "NumAttempts": attempts, "RunTime": 2e9, "Failure": {"Message": message},
        }  # fmt: skip

    specs = [
        spec("a", "passed"),
        spec("a", "failed", 1, "\n no\nmore"),
        spec("b", "skipped", 0),
        spec("c", "skipped"),
    ]
    path = tmp_path / "report.json"
    path.write_text(json.dumps([{"SpecReports": specs}]))
    found = reports.read(path)
    assert found["[sig-node] Pods a"] == Outcome("failed", 2.0, "no")
    assert {name: one.state for name, one in found.items()} == {
        "[sig-node] Pods a": "failed",
        "[sig-node] Pods c": "skipped",
    }
    assert reports.table(found)[-2:] == ["    0 / 1     all", "    1         skipped themselves"]


def test_a_run_goes_on_with_what_has_no_report(tmp_path: Path) -> None:
    """Reports of parts count together, the newest last; a spec that was cut off is run again."""
    for part, states in (("1", {"a": "failed", "b": "passed", "c": "interrupted"}), ("2", {"a": "passed"})):
        specs = [
            {"LeafNodeType": "It", "LeafNodeText": name, "State": state, "NumAttempts": 1, "RunTime": 1e9}
            for name, state in states.items()
        ]
        (tmp_path / part).mkdir()
        (tmp_path / part / "report.json").write_text(json.dumps([{"SpecReports": specs}]))
    assert run_specs.kept(tmp_path, ["a", "b", "c", "d"]) == {"a": PASSED, "b": PASSED}
    assert run_specs.kept(tmp_path / "none", ["a"]) == {}


def test_figures_count_the_reports_of_both_suites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What passed when it was run once more has passed; what has no report is counted, and is a fault."""
    node, e2e = sorted(lists.load("node").must_pass)[:2], sorted(lists.load("e2e").must_pass)[:1]
    for folder, states in (
        ("node/first/1", {node[0]: "passed", node[1]: "failed"}),
        ("node/again/2", {node[1]: "passed"}),
        ("e2e/first/3", {e2e[0]: "passed"}),
    ):
        specs = [
            {"LeafNodeType": "It", "LeafNodeText": name, "State": state, "NumAttempts": 1, "RunTime": 1e9}
            for name, state in states.items()
        ]
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "report.json").write_text(json.dumps([{"SpecReports": specs}]))
    three = "|".join(f"^{re.escape(name)}$" for name in (*node, *e2e))

    assert run_specs.figures(tmp_path, three) == 0
    assert "    3 / 3     all" in capsys.readouterr().out.splitlines()
    assert run_specs.figures(tmp_path) == 1
    assert f"not run: {sorted(lists.load('node').must_pass)[2]}" in capsys.readouterr().out.splitlines()


def test_parts_are_whole_and_end_with_the_time() -> None:
    names = [f"{number:03}" for number in range(run_specs.PART + 1)]
    assert [part for part, _ in run_specs.parts(names, 60.0)] == [names[:-1], names[-1:]]
    assert list(run_specs.parts(names, 0.0)) == []


def test_specs_of_a_group_run_together() -> None:
    """Those of an ordered container judge what the first of them left; a part may be larger for that."""
    endings = ("end", "log", "stay")  # three: the size of a part falls into a group
    groups = [[f"Pod {number:03} should {end}" for end in endings] for number in range(run_specs.PART)]
    mixed = [ends[place] for place in range(3) for ends in groups]
    made = [part for part, _ in run_specs.parts(mixed, 60.0)]

    assert sorted(name for part in made for name in part) == sorted(mixed)
    assert len(made) == 3
    for part in made:
        assert all(set(ends) <= set(part) or not set(ends) & set(part) for ends in groups)


def test_each_stand_in_names_its_parts(tmp_path: Path) -> None:
    """A table with an unknown key is refused; a stand-in is made again when its table changes."""
    images = standins.load()
    made = plan.made()
    assert {"agnhost", "busybox", "pause"} <= set(images)
    assert len({standins.step(made, image).key for image in images.values()}) == len(images)
    wrong = tmp_path / "images.toml"
    wrong.write_text('[x]\nnames = ["x:1"]\nbase = []\nentry = []\n')
    with pytest.raises(ValueError, match="entry"):
        standins.load(wrong)


def test_the_mirror_serves_what_a_pull_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that only the mirror has is pulled by the cluster's own client, digests checked."""
    from builder.archives import Entry, Image, write_image, write_layer  # in reach since plan was imported

    layer = write_layer([Entry("hello", b"#!/bin/sh\n", 0o755)], tmp_path / "layer.tar.gz")
    write_image(Image(("registry.invalid/team/hello:1",), (layer,), ("/hello",)), tmp_path / "image.tar")
    with mirror.serving([tmp_path / "image.tar"]) as host:
        monkeypatch.setenv("PODLAB_REGISTRY_MIRRORS", f"registry.invalid={host}")
        found = asyncio.run(ImageStore(tmp_path / "store").pull("registry.invalid/team/hello:1"))
        with pytest.raises(ImageError, match="not found"):
            asyncio.run(ImageStore(tmp_path / "store").pull("registry.invalid/team/hello:2"))
    assert found.record.entrypoint == ("/hello",)
