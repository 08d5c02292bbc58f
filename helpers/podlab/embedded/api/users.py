"""Who asks: a name and groups, as authentication found them."""

from __future__ import annotations

from typing import NamedTuple

MASTERS, AUTHENTICATED = "system:masters", "system:authenticated"
ACCOUNTS = "system:serviceaccounts"
PREFIX = "system:serviceaccount:"


class User(NamedTuple):
    """The user of a request. ``extra`` holds the fields of TokenReview beside the account's name."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def info(self) -> dict[str, object]:
        """UserInfo of the authentication API."""
        found = {"username": self.name, "uid": self.uid, "groups": list(self.groups)}
        extra = {key: [value] for key, value in self.extra}
        return {key: value for key, value in {**found, "extra": extra}.items() if value}


ADMIN = User("podlab-admin", (MASTERS, AUTHENTICATED))
NOBODY = User("")


def account(namespace: str, name: str, **more: object) -> User:
    """Return a service account with the groups that every one has."""
    groups = (*groups_of_accounts(namespace), AUTHENTICATED)
    return User(f"{PREFIX}{namespace}:{name}", groups, **more)  # type: ignore[arg-type]


def groups_of_accounts(namespace: str) -> tuple[str, str]:
    """Return the two groups of the service accounts of a namespace."""
    return (ACCOUNTS, f"{ACCOUNTS}:{namespace}")
