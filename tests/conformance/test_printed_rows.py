"""READY, STATUS and the number of restarts, as upstream's own program prints them for every Pod of the traces."""

import gzip
import json

import printed_rows
import pytest

from podlab.pods.status import row

RELEASES = ("v1.34.4", "v1.36.3")


@pytest.mark.parametrize("release", RELEASES)
def test_every_row_is_upstreams(release):
    """The rows come from printPod itself, built from the release's Go module (see printed_rows.py)."""
    expected = json.loads(gzip.decompress(printed_rows.stored(release).read_bytes()))
    found = {
        name: [
            [f"{got.ready}/{got.total}", got.status, str(got.restarts)]
            for got in (row(p, release) for p in each)
        ]
        for name, each in printed_rows.pods(release).items()
    }

    assert found == expected
    assert len({status for rows in found.values() for _, status, _ in rows}) >= 30, (
        "hardly any word is covered"
    )
