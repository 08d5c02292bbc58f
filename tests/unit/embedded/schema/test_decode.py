"""Objects are read as Go would read and write them."""

from __future__ import annotations

import pytest

from podlab.embedded import schema
from podlab.embedded.schema import decode, typetable
from podlab.embedded.schema.fielderror import Invalid
from podlab.pods import quantity


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("100", "100"), ("1e3", "1e3"),
        ("1000k", "1M"), ("0", "0"), ("-1", "-1"), ("512Ki", "512Ki"), ("1500", "1500"), (".5", "500m"),
        ("12e6", "12e6"),
    ],
)  # fmt: skip
def test_quantities(written: str, canonical: str) -> None:
    assert quantity.canonical(written) == canonical


@pytest.mark.parametrize("text", ["", "much", "1 Gi", "1Q", "--1", "1e", "Gi", "0x10"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        quantity.canonical(text)


def test_empty_values_go_and_required_ones_stay() -> None:
    raw = {
        "metadata": {"labels": {}, "name": "x", "finalizers": None},
        "spec": {"containers": [{"name": "c"}]},
    }
    pod, strict = decode.decode("core/v1.Pod", raw)
    assert pod == {
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "c", "resources": {}}]},
        "status": {},
    }
    assert strict == []


def test_zero_is_a_value_where_go_has_a_pointer() -> None:
    deployment, _ = schema.prepare("apps/v1.Deployment", {"spec": {"replicas": 0}})
    assert deployment["spec"]["replicas"] == 0


def test_times_are_whole_seconds_in_utc() -> None:
    pod, _ = decode.decode("core/v1.Pod", {"metadata": {"creationTimestamp": "2026-01-01T01:00:00.5+01:00"}})
    assert pod["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


def test_a_status_survives_the_way_through_go() -> None:
    status = {
        "phase": "Running",
        "containerStatuses": [{
            "name": "c", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "started": False,
            "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {},
        }],
    }  # fmt: skip
    pod, _ = decode.decode("core/v1.Pod", {"status": status})
    assert pod["status"] == status


def test_the_type_table_is_of_the_release() -> None:
    assert typetable.VERSION == "v1.36.3"
    assert typetable.fields("core/v1.PodSpec")["containers"].merge_key == "name"
    assert typetable.fields("core/v1.Volume")["emptyDir"].pointer


def test_admit_is_the_whole_way_of_a_pod() -> None:
    raw = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}
    pod = schema.admit(raw, namespace="n", now="2026-01-01T00:00:00Z")
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert pod["metadata"]["namespace"] == "n"
    assert pod == schema.admit(raw, namespace="n", now="2026-01-01T00:00:00Z")
    with pytest.raises(Invalid) as error:
        schema.admit({"metadata": {"name": "p"}, "spec": {}}, namespace="n", now="2026-01-01T00:00:00Z")
    assert error.value.status["message"] == 'Pod "p" is invalid: spec.containers: Required value'


def test_strict_check_names_unknown_fields() -> None:
    assert schema.strict_check({"spec": {"colour": 1}, "x": 2}) == [
        'unknown field "spec.colour"',
        'unknown field "x"',
    ]
