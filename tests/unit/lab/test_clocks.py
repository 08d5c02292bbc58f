"""What single clocks know, on the recording that is kept with the course."""

from pathlib import Path

import pytest

from podlab.errors import PodlabError
from podlab.lab import singleclocks
from podlab.observe import read_recording

KEPT = Path(__file__).parents[3] / "notebooks/recordings/three-quick-inits.jsonl"


@pytest.fixture(scope="module")
def kept():
    return read_recording(KEPT)


def test_two_starts_in_one_second_have_no_order_by_their_status(kept):
    alone = singleclocks.status_alone(kept)

    assert singleclocks.order_of_starts(alone, "a", "b") == "unknown"
    assert singleclocks.order_of_starts(alone, "b", "a") == "unknown"


def test_all_clocks_together_tell_the_order(kept):
    assert singleclocks.order_of_starts(kept.timeline(), "b", "a") == "a"


def test_no_edge_is_without_a_source(kept):
    for timeline in (kept.timeline(), singleclocks.status_alone(kept)):
        edges = singleclocks.edges(timeline)
        assert {"a started", "a ended", "b started", "b ended"} <= set(edges)
        assert all(at.sources and at.lo <= at.hi for at in edges.values())


def test_a_pod_that_was_not_recorded_is_named(kept):
    with pytest.raises(PodlabError, match="nobody"):
        singleclocks.status_alone(kept, "nobody")
