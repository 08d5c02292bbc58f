"""The manifests of all labs are accepted by the API server, which is asked without making anything."""

from pathlib import Path

import pytest

from podlab import manifests

FILES = sorted((Path(__file__).parents[2] / "labs").glob("[0-9][0-9]-*/manifests/*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_a_labs_manifest_is_accepted(path, cluster):
    loaded = manifests.load(path.read_text("utf-8"), source=path.name)

    manifests.validate(cluster.client(), loaded, namespace="default")
