"""
Who an image's USER is: numbers from its own ``/etc/passwd`` and ``/etc/group``.

Pure. Source: containerd's pkg/oci/spec_opts.go (WithUser, WithUserID) at v2.2, moby/sys/user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Account(NamedTuple):
    """A line of passwd."""

    name: str
    uid: int
    gid: int


def passwd(text: str) -> list[Account]:
    """Return the lines of a passwd file that can be read."""
    return [
        Account(row[0], int(row[2]), int(row[3]))
        for row in _rows(text)
        if len(row) > 3 and _numbers(row[2:4])
    ]


def group(text: str) -> dict[str, int]:
    """Name -> number of the groups of a group file."""
    return {row[0]: int(row[2]) for row in _rows(text) if len(row) > 2 and _numbers(row[2:3])}


def memberships(text: str, accounts: Sequence[Account]) -> Mapping[int, tuple[int, ...]]:
    """User -> the groups of a group file that list that user as a member, in the order of the file."""
    found: dict[int, tuple[int, ...]] = {}
    for row in _rows(text):
        if len(row) < 4 or not _numbers(row[2:3]):
            continue
        members = {name.strip() for name in row[3].split(",")}
        for uid in {one.uid for one in accounts if one.name in members}:
            found[uid] = (*found.get(uid, ()), int(row[2]))
    return found


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split(":")


def _numbers(texts: list[str]) -> bool:
    return all(text.isdigit() and int(text) < 2**31 for text in texts)


def ids(user: str, accounts: list[Account], groups: dict[str, int]) -> tuple[int, int] | None:
    """
    Return the user and group of a USER such as ``node``, ``999`` or ``1000:staff``; None where a name is in no file.

    A number takes the group of its line in passwd, 0 if there is none.
    """
    name, _, of_group = user.partition(":")
    if not name:
        return 0, 0
    found = next((one for one in accounts if name in (one.name, str(one.uid))), None)
    if found is None and not name.isdigit():
        return None
    uid, gid = (found.uid, found.gid) if found else (int(name), 0)
    if not of_group:
        return uid, gid
    if of_group.isdigit():
        return uid, int(of_group)
    return (uid, groups[of_group]) if of_group in groups else None
