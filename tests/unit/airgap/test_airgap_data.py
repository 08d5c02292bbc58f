"""The data files of the build: versions, module lists, Pod images, kind configurations."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from builder import compiled
from builder.cache import Cache
from builder.failure import BuildError
from builder.gobuild import go_parts, go_step
from builder.images import pod_images, tool_entries
from builder.plan import make_plan
from builder.versions import HOME, REPOSITORY, load_versions

KNOWN = sorted(tomllib.loads((HOME / "versions.toml").read_text())["kubernetes"])


def test_the_reference_is_one_of_the_known_versions(recipe: Path) -> None:
    """And it is what a build without arguments makes."""
    raw = tomllib.loads((recipe / "versions.toml").read_text())

    assert raw["reference"] in raw["kubernetes"]
    assert load_versions().kubernetes == raw["reference"] == "v1.36.3"


@pytest.mark.parametrize("minor", [34, 35, 36, 37])
def test_every_minor_version_that_the_pages_speak_of_can_be_built(minor: int) -> None:
    """The pages say what differs from 1.34 to 1.37; a row each is what lets anybody look."""
    assert [version for version in KNOWN if version.startswith(f"v1.{minor}.")]


def test_a_row_may_name_the_go_that_builds_it(tmp_path: Path, recipe: Path) -> None:
    """Kubernetes, etcd and CoreDNS of that row are built by it and renamed; kind and containerd serve all rows."""
    text = (recipe / "versions.toml").read_text()
    row = '[kubernetes."v1.36.3"]\n'
    (tmp_path / "versions.toml").write_text(text.replace(row, f'{row}go = "go1.27.3"\n'))

    before = {part.name: go_step(part).key for part in go_parts(load_versions("v1.36.3"))}
    parts = go_parts(load_versions("v1.36.3", path=tmp_path / "versions.toml"))
    after = {part.name: go_step(part).key for part in parts}

    assert {part.name for part in parts if part.toolchain} == {"kubernetes", "etcd", "coredns"}
    assert {name for name, key in before.items() if after[name] != key} == {"kubernetes", "etcd", "coredns"}


@pytest.mark.parametrize("kubernetes", KNOWN)
def test_every_go_part_has_its_checked_module_list(kubernetes: str) -> None:
    """Without go.sum nothing would check what is downloaded, so there is no step without it."""
    for part in go_parts(load_versions(kubernetes)):
        assert go_step(part).inputs["recipe"]
        listed = (part.recipe / "go.sum").read_text()
        assert f"{part.module} {part.version} h1:" in listed


@pytest.mark.parametrize("kubernetes", KNOWN)
def test_a_plan_reaches_the_node_image_from_every_step(kubernetes: str, tmp_path: Path) -> None:
    """A plan is made without making anything; equal data give equal names."""
    plan = make_plan(Cache(tmp_path), kubernetes)

    assert plan.node.key == make_plan(Cache(tmp_path), kubernetes).node.key
    assert len({step.key for step in plan.steps}) == len(plan.steps)
    assert not any(tmp_path.iterdir())


def test_a_change_of_pause_changes_the_node_image(tmp_path: Path, recipe: Path) -> None:
    """The versions are inputs of what is made from them."""
    text = (recipe / "versions.toml").read_text()
    (tmp_path / "versions.toml").write_text(text.replace('pause = "3.10.2"', 'pause = "3.10.9"'))

    before = load_versions("v1.36.3").component_images
    after = load_versions("v1.36.3", path=tmp_path / "versions.toml").component_images

    assert before["pause"] == "registry.k8s.io/pause:3.10.2"
    assert after["pause"] == "registry.k8s.io/pause:3.10.9"


def test_a_change_of_busybox_settings_changes_the_images_that_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a build would keep an image with the busybox of before, and say that all is done."""
    before = {step.name: step.key for step in make_plan(Cache(tmp_path)).steps}
    monkeypatch.setitem(compiled.BUSYBOX_SETTINGS, "CONFIG_FEATURE_NON_POSIX_CP", "y")
    after = {step.name: step.key for step in make_plan(Cache(tmp_path)).steps}

    changed = {name for name, key in before.items() if after[name] != key}
    assert changed == {"busybox", "pod-busybox", "pod-podlab-app", "contents-v1.36.3", "node-v1.36.3"}


def test_the_teaching_image_has_the_tools_that_the_pages_call(tmp_path: Path) -> None:
    """Pages ask with wget from inside of podlab-app; Debian's Python image has neither wget nor nc."""
    (tmp_path / "applets").write_text("bin/busybox\nusr/bin/wget\nusr/bin/nc\nbin/ls\n")
    (tmp_path / "busybox").write_text("")
    tools = pod_images()["podlab-app"].tools

    made = {entry.name: entry.source for entry in tool_entries(tmp_path, tools)}
    assert {"wget", "nc"} <= set(tools)
    assert made == {
        "usr/local/bin/busybox": tmp_path / "busybox",
        **{f"usr/local/bin/{name}": "/usr/local/bin/busybox" for name in tools},
    }


def test_a_tool_that_busybox_lacks_is_named(tmp_path: Path) -> None:
    """Or the image would hold a link that leads to an applet not found."""
    (tmp_path / "applets").write_text("usr/bin/wget\n")

    with pytest.raises(BuildError, match="no applet curl"):
        tool_entries(tmp_path, ["wget", "curl"])


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    """Three lines: what, why, try."""
    with pytest.raises(BuildError) as failed:
        load_versions("1.2.3")

    what, why, hint = str(failed.value).splitlines()
    assert what == "the air-gapped build does not know Kubernetes v1.2.3"
    assert ", ".join(KNOWN) in why
    assert hint.startswith("  try: ")


def test_a_missing_key_is_named(tmp_path: Path, recipe: Path) -> None:
    """versions.toml without CoreDNS is an error that says so."""
    text = (recipe / "versions.toml").read_text()
    (tmp_path / "versions.toml").write_text(text.replace("coredns = ", "# coredns = "))

    with pytest.raises(BuildError, match="coredns"):
        load_versions("v1.36.3", path=tmp_path / "versions.toml")


def test_pod_images_have_full_names_and_files_that_exist() -> None:
    """kubelet looks for docker.io/library/NAME when a manifest says NAME."""
    images = pod_images()

    assert {"busybox", "python", "podlab-app"} <= set(images)
    for image in images.values():
        assert all("/" in name and ":" in name for name in image.names)
        assert not any(name.endswith(":latest") for name in image.names)  # would be pulled each time
        assert all((REPOSITORY / source).exists() for source in image.files.values())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('base = "busybox"', 'base = "alpine"'), "no known base"),
        (("command =", "comand ="), "comand"),
        (("says =", "# says ="), "missing: ['says']"),
    ],
)
def test_a_wrong_pod_image_is_named(change: tuple[str, str], says: str, tmp_path: Path, recipe: Path) -> None:
    """Faults in the list are found before anything is made."""
    text = (recipe / "pods" / "images.toml").read_text()
    (tmp_path / "images.toml").write_text(text.replace(*change))

    with pytest.raises(BuildError) as failed:
        pod_images(tmp_path / "images.toml")

    assert says in str(failed.value)


@pytest.mark.parametrize(
    "name", ["airgap/kind-config.yaml", "kind/one-node.yaml", "kind/three-nodes.yaml", "kind/class.yaml"]
)
def test_kind_configurations_allow_cgroup_v1(name: str, recipe: Path) -> None:
    """From 1.35 on a kubelet refuses such machines unless told otherwise."""
    config = yaml.safe_load((recipe.parent / name).read_text())
    patches = [yaml.safe_load(patch) for patch in config["kubeadmConfigPatches"]]

    assert config["kind"] == "Cluster"
    assert config["nodes"][0]["role"] == "control-plane"
    assert [p["failCgroupV1"] for p in patches if p["kind"] == "KubeletConfiguration"] == [False]


def test_the_patches_of_the_quick_start_are_on_the_image_that_asks_for_them(recipe: Path) -> None:
    """kubeadm stops at a folder that does not exist, and takes the target from the file's name."""
    config = yaml.safe_load((recipe / "kind-config.yaml").read_text())
    patches = [yaml.safe_load(patch) for patch in config["kubeadmConfigPatches"]]
    files = sorted(p for p in (recipe / "node" / "patches").glob("*+*"))

    assert [p["patches"]["directory"] for p in patches if p["kind"] == "InitConfiguration"] == [
        "/kind/patches"
    ]
    assert [p.name.partition("0+")[0] for p in files] == [
        "corednsdeployment",
        "etcd",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    assert all(yaml.safe_load(p.read_text()) for p in files)
