"""``podlab mesh``: of a file, of standard input, of a list, and as JSON; no cluster is asked for a file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml

from podlab import cli

EXHIBITS = Path(__file__).parents[3] / "labs/08-service-mesh/exhibits"


def test_a_file_is_read_without_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mesh", str(EXHIBITS / "istio-older.yaml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Pod orders: Istio; the proxy is in the older form"
    assert any(line.split()[:4] == ["second", "app", "container", "istio-proxy"] for line in lines)


def test_a_list_from_standard_input_is_looked_through(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = [yaml.safe_load((EXHIBITS / f"{name}.yaml").read_text()) for name in ("linkerd", "istio-native")]
    pods[1]["metadata"]["name"] = "orders-2"
    listed = {"apiVersion": "v1", "kind": "List", "metadata": {"name": "l"}, "items": pods}
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(listed)))
    assert cli.main(["mesh", "-"]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [head.split(": ")[1].split(";")[0] for head in heads] == ["Linkerd", "Istio"]


def test_json_has_the_form_and_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mesh", str(EXHIBITS / "linkerd.yaml"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["object"], found["form"]) == ("Pod orders", "older")
    assert {"mesh": "Linkerd", "what": "init container", "name": "linkerd-init"}.items() <= found["parts"][
        0
    ].items()
