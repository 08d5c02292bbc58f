"""Which sidecar opens the way by its probe, and who is started again, for the right answers."""

from collections.abc import Mapping
from typing import Any

CONTAINERS = ("fetch", "proxy", "tokens", "shop")


def values(drawn: Mapping[str, Any], _key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gates of proxy and tokens, and the restarts of all four."""
    probed = ["probe" if text.startswith("startupProbe") else "started" for text in drawn["probes"]]
    restarts = [int(name == drawn["fault"][0]) for name in CONTAINERS]
    return {"gates": probed, "restarts": restarts, "crashed": drawn["fault"][0]}
