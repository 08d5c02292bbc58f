"""Images that are needed are brought once, and a cluster that is not ours is left alone."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from podlab.errors import PodlabError
from podlab.images import builder, need, once


@pytest.fixture
def brought(monkeypatch):
    """What was brought to a cluster, in order."""
    found = []
    monkeypatch.setattr(builder, "bring", lambda cluster, names, **_: found.extend(names))
    return found


def test_many_threads_bring_an_image_once(brought):
    bring = once(SimpleNamespace(driver="embedded", name="lab"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bring, [["postgres"], ["postgres", "dbmate"]] * 8))

    assert sorted(brought) == ["dbmate", "postgres"]


def test_the_line_names_images_with_their_tags(brought):
    line = need(SimpleNamespace(driver="kind", name="lab"), ["dbmate"])

    assert (line, brought) == ("images on the cluster: podlab-dbmate:2.37", ["dbmate"])


def test_nodes_of_somebody_else_get_no_images(brought):
    line = need(SimpleNamespace(driver="context", name="lab"), ["postgres"])

    assert (line, brought) == ("this cluster has to have these images: podlab-postgres:18", [])


def test_an_unknown_image_is_named(brought):
    with pytest.raises(PodlabError, match="nosuch"):
        need(SimpleNamespace(driver="kind", name="lab"), ["nosuch"])
