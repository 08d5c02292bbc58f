"""
Kubeconfig files: one context cut out, several merged as kubectl does, the user's own given back as it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from podlab.drivers import kubeconfig, state
from podlab.errors import DriverError


def config(name: str, *, current: str | None = None, **user: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current or name,
        "clusters": [
            {
                "name": name,
                "cluster": {"server": f"https://{name}.example", "certificate-authority": "ca.crt"},
            }
        ],
        "users": [{"name": name, "user": user or {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path / "podlab"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


def save(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def test_one_context_is_cut_out_with_its_namespace(home: Path) -> None:
    """
    Nothing of the other contexts gets into what a lesson is given, and relative files still lead somewhere.
    """
    save(home / "a", config("a"))
    save(home / "b", config("b", tokenFile="token"))
    merged = kubeconfig.read_users(home / "b")
    cut = kubeconfig.cut(merged, None, name="podlab-lab", namespace="mine")

    assert cut["current-context"] == "podlab-lab"
    assert cut["contexts"][0]["context"] == {
        "cluster": "podlab-lab",
        "user": "podlab-lab",
        "namespace": "mine",
    }
    assert cut["clusters"][0]["cluster"]["certificate-authority"] == str(home / "ca.crt")
    assert cut["users"][0]["user"] == {"tokenFile": str(home / "token")}


def test_several_files_are_read_as_kubectl_reads_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file that names something wins; the current context is the first one set."""
    first, second = (
        save(home / "1", config("a", token="first")),
        save(home / "2", config("a", token="second")),
    )
    third = save(home / "3", config("c"))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{home / 'missing'}:{second}:{third}")
    merged = kubeconfig.read_users()

    assert [entry["name"] for entry in merged["contexts"]] == ["a", "c"]
    assert merged["users"][0]["user"]["token"] == "first"
    assert merged["current-context"] == "a"


@pytest.mark.parametrize("text", ["[", "- a", "3"])
def test_what_is_no_kubeconfig_is_an_error_that_names_the_file(home: Path, text: str) -> None:
    """Never a traceback."""
    (home / "bad").write_text(text)
    with pytest.raises(DriverError, match="bad cannot be read"):
        kubeconfig.read(home / "bad")


def test_an_unknown_context_lists_the_known_ones(home: Path) -> None:
    """So that the next try is right."""
    merged = kubeconfig.read_users(save(home / "a", config("work")))
    with pytest.raises(DriverError, match="context 'wrk' is not in the kubeconfig") as caught:
        kubeconfig.cut(merged, "wrk", name="n", namespace="ns")

    assert "work" in str(caught.value.cause)


def test_no_kubeconfig_at_all_is_said_plainly() -> None:
    """No file, no context."""
    with pytest.raises(DriverError, match="no current context"):
        kubeconfig.cut(kubeconfig.read_users(), None, name="n", namespace="ns")


@pytest.mark.parametrize("before", [None, config("work", token="secret")])
def test_merging_and_unmerging_gives_the_users_file_back(home: Path, before: dict[str, Any] | None) -> None:
    """Our context comes and goes; everything else, the current context too, is as it was."""
    own = home / ".kube" / "config"
    if before:
        save(own, before)
    record = state.new_record("kind", "lab", context="kind-podlab-lab")
    state.save(record)
    save(state.folder("lab") / "kubeconfig", config("kind-podlab-lab"))
    kubeconfig.merge(record)

    merged = yaml.safe_load(own.read_text())
    assert merged["current-context"] == "kind-podlab-lab"
    assert own.stat().st_mode & 0o777 == 0o600
    kubeconfig.unmerge(record)
    after = yaml.safe_load(own.read_text())
    assert [entry["name"] for entry in after["contexts"]] == (["work"] if before else [])
    assert after["current-context"] == ("work" if before else "")
    if before:
        assert after["users"] == before["users"]


def test_what_the_user_changed_meanwhile_is_not_taken_out(home: Path) -> None:
    """An entry of our name that is no longer ours stays."""
    own = save(home / ".kube" / "config", config("work"))
    record = state.new_record("kind", "lab", context="kind-podlab-lab")
    state.save(record)
    save(state.folder("lab") / "kubeconfig", config("kind-podlab-lab"))
    kubeconfig.merge(record)
    changed = yaml.safe_load(own.read_text())
    changed["users"][-1]["user"] = {"token": "the user's own"}
    save(own, changed)
    kubeconfig.unmerge(record)

    assert yaml.safe_load(own.read_text())["users"][-1]["user"] == {"token": "the user's own"}
