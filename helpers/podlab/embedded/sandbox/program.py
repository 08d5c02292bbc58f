"""
The first program of a container: its words, its environment, its user and its capabilities.

Pure functions of a container's configuration and its image.
"""

from __future__ import annotations

from collections.abc import Iterable

from podlab.embedded.runtime import ContainerConfig, ContainerUser, ImageRecord

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# capabilities(7): those that container engines leave to root.
CAPABILITIES = {
    0: "CHOWN", 1: "DAC_OVERRIDE", 3: "FOWNER", 4: "FSETID", 5: "KILL", 6: "SETGID", 7: "SETUID", 8: "SETPCAP",
    10: "NET_BIND_SERVICE", 13: "NET_RAW", 18: "SYS_CHROOT", 27: "MKNOD", 29: "AUDIT_WRITE", 31: "SETFCAP",
}  # fmt: skip
ADDABLE = {12: "NET_ADMIN"}


def arguments(config: ContainerConfig, image: ImageRecord) -> list[str]:
    """command replaces entrypoint and command of the image, args only its command."""
    if config.command:
        return [*config.command, *(config.args or ())]
    return [*image.entrypoint, *(config.args if config.args else image.command)]


def environment(config: ContainerConfig, image: ImageRecord, hostname: str) -> dict[str, str]:
    """Return what a program finds in its environment: of the runtime, then of the image, then of the Pod."""
    # Users other than root are in no image's passwd here.
    home = "/root" if ids(config, image)[0] == 0 else "/"
    given = {"PATH": PATH, "HOSTNAME": hostname, "HOME": home, **image.env, **config.env}
    return {"TERM": "xterm", **given} if config.tty else given


def dropped(config: ContainerConfig) -> list[int]:
    """Return the numbers of the capabilities that a container is not to have, of those that engines leave."""
    names, given = plain(config.drop_capabilities), plain(config.add_capabilities)
    return [n for n, name in CAPABILITIES.items() if (name in names or "ALL" in names) and name not in given]


def added(config: ContainerConfig) -> list[int]:
    """Return the numbers of the capabilities that it adds; they count only in a Pod with a network of its own."""
    return [number for number, name in ADDABLE.items() if name in plain(config.add_capabilities)]


def plain(names: Iterable[str]) -> set[str]:
    """Capabilities by their names alone: ``NET_ADMIN`` of ``CAP_NET_ADMIN`` and ``net_admin``."""
    return {name.upper().removeprefix("CAP_") for name in names}


def ids(config: ContainerConfig, image: ImageRecord) -> tuple[int, int]:
    """
    User and group: those of the Pod, else those of the image by its own files, else the numbers in its USER.

    A user that the Pod names has the group of its line in the image's passwd, 0 if there is none.
    """
    parts = image.user.split(":")
    numbers = [int(part) if part.isdigit() else 0 for part in (*parts, "0")][:2]
    user, group = image.ids or (numbers[0], numbers[1])
    if config.run_as_user is not None:
        user = config.run_as_user
        group = image.primary_groups.get(user, 0 if image.ids else group)
    return user, group if config.run_as_group is None else config.run_as_group


def user(config: ContainerConfig, image: ImageRecord) -> ContainerUser:
    """
    Return user, group and all groups of a container.

    The groups are those of the Pod and, unless its policy is Strict, those in which the image's own files list the
    user. The primary group is always among them, as with containerd.
    """
    uid, gid = ids(config, image)
    members = () if config.strict_groups else image.member_groups.get(uid, ())
    return ContainerUser(uid, gid, sorted({gid, *config.supplemental_groups, *members}))
