"""
Make a Unix account for each student of a roster, and a file with their first passwords.

    accounts.py ROSTER FOLDER

Homes are ``FOLDER/home/ACCOUNT``, mode 0700. ``FOLDER/passwords.csv`` (0600, root's) lists id, account and password of
the accounts that this call made; what is in it already stays. Accounts that are there keep their password.
"""

from __future__ import annotations

import csv
import grp
import pwd
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from podlab.assignments import roster
from podlab.classroom.objects import readable_id
from podlab.errors import PodlabError

GROUP = "podlab-hub"
PREFIX = "lab-"  # so that no id is the name of an account that runs the machine


def account_of(student: roster.Student) -> str:
    """Return a student's account; Unix names have at most 32 characters."""
    return PREFIX + readable_id(student.id, most=28)


def ours(account: str) -> bool | None:
    """Return whether *account* is of this group; None where nobody has that name."""
    try:
        return account in grp.getgrnam(GROUP).gr_mem if pwd.getpwnam(account) else None
    except KeyError:
        return None


def make(account: str, home: Path) -> str:
    """Make one account and return its password."""
    password = secrets.token_urlsafe(9)
    run(
        "useradd",
        "--create-home",
        "--home-dir",
        str(home),
        "--groups",
        GROUP,
        "--shell",
        "/bin/bash",
        account,
    )
    home.chmod(0o700)
    run("chpasswd", stdin=f"{account}:{password}\n")
    return password


def run(*command: str, stdin: str = "") -> None:
    """Run one of the machine's own tools. Raises PodlabError with what it printed."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PodlabError(f"{command[0]} failed for {command[-1]}", cause=done.stderr.strip())


def make_all(students: list[roster.Student], folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield id, account and password of each account that was made."""
    for student in students:
        account = account_of(student)
        known = ours(account)
        if known is False:
            raise PodlabError(
                f"account {account} is on this machine already, and not in the group {GROUP}",
                hint=f"give the student another id, or: usermod --append --groups {GROUP} {account}",
            )
        if known is None:
            yield student.id, account, make(account, folder / "home" / account)


def main() -> int:
    """Read the roster, make what is missing, say how many."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    passwords = folder / "passwords.csv"
    try:
        students = roster.read(source)
        new = not passwords.exists()
        passwords.touch(mode=0o600)
        with passwords.open("a", newline="") as file:
            rows = csv.writer(file)
            if new:
                rows.writerow(["id", "account", "password"])
            made = 0
            for row in make_all(students, folder):
                rows.writerow(row)
                file.flush()
                made += 1
    except PodlabError as error:
        print(f"hub: {error}", file=sys.stderr)
        return 1
    print(f"hub: {len(students)} students, {made} new accounts; their passwords: {passwords}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
