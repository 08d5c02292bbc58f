"""What to try after a refusal of the API server."""

from __future__ import annotations

import pytest

from podlab.client.failures import refusal

FORBIDDEN = 'pods "p" is forbidden: error looking up service account a/{0}: serviceaccount "{0}" not found'


@pytest.mark.parametrize(
    ("account", "advice"), [("default", "wait a second"), ("builder", "create that ServiceAccount")]
)
def test_only_the_default_service_account_comes_by_itself(account: str, advice: str) -> None:
    """The controller of ServiceAccounts makes ``default``; waiting for another would never end."""
    status = {"reason": "Forbidden", "message": FORBIDDEN.format(account)}
    error = refusal("POST", "/api/v1/namespaces/a/pods", 403, status)
    assert advice in str(error.hint)
