"""What is written into the control groups of a container whose limit of memory changes; without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from podlab.embedded.sandbox.zygote import cgroups


@pytest.mark.parametrize(
    ("version", "memory", "written"),
    [
        (2, 64 << 20, {"memory.max": "67108864", "memory.swap.max": "0"}),
        (2, 0, {"memory.max": "max", "memory.swap.max": "max"}),
        (1, 64 << 20, {"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "67108864"}),
        (1, 0, {"memory.limit_in_bytes": "-1", "memory.memsw.limit_in_bytes": "-1"}),
    ],
)
def test_a_changed_limit_of_memory_counts_for_swap_too(
    tmp_path: Path, version: int, memory: int, written: dict[str, str]
) -> None:
    """A container that starts without a limit may swap; with one it must not, whenever it gets it."""
    for name in written:
        (tmp_path / name).touch()
    groups = cgroups.Groups(str(tmp_path.parent), "", version)
    assert cgroups.limit(groups, [str(tmp_path)], memory)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == written


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_without_a_group_for_memory_keeps_what_it_has(tmp_path: Path, version: int) -> None:
    assert not cgroups.limit(cgroups.Groups("", str(tmp_path.parent), version), [str(tmp_path)], 64 << 20)
    assert list(tmp_path.iterdir()) == []
