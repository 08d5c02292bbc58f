"""e14 on a cluster: right, nearly right and wrong answers, each judged by the life of its Pod."""

from pathlib import Path

import pytest

from podlab.grading import Place, grade

FOLDER = Path(__file__).parents[2] / "labs/e14-convert-shipper"
# what the API server itself takes depends on its version: 1.34 drops `always`, later ones refuse it; 0 either way
EXPECTED = {
    "solution/moved": 5,
    "solution/with-startup-probe": 5,
    "solution/after-an-init": 5,
    "solution/two-sidecars": 5,
    "mistakes/moved-without-the-field": 0,
    "mistakes/on-failure": 0,
    "mistakes/small-letters": 0,
    "mistakes/policy-of-the-pod": 0,
    "mistakes/in-both-lists": 0,
    "mistakes/first-in-containers": 1,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_answer_gets_what_its_pod_earned(name, client, namespace):
    """Each file gets its points, nothing stays undecided, and what falls short says what to do next."""
    report = grade("e14", (FOLDER / f"{name}.yaml").read_text(), Place(client, namespace, {}))

    assert report.score == EXPECTED[name], str(report)
    assert not report.undecided, str(report)
    assert report.score == 5 or report.refused or "%hint e14" in str(report)


def test_the_folder_holds_what_is_tested():
    on_disk = {str(p.relative_to(FOLDER))[:-5] for p in FOLDER.glob("[sm][oi]*/*.yaml")}

    assert on_disk - set(EXPECTED) == {
        "mistakes/field-on-the-shop"
    }  # refused before 1.35, hangs from then on
