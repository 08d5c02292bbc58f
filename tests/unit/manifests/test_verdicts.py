"""The server's words about a field are brought back to the line that it stands in."""

from __future__ import annotations

from podlab.errors import ApiError
from podlab.manifests import load
from podlab.manifests.verdicts import faults_of, faults_of_change, take_out

TEXT = """apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      imagee: busybox
      ports:
        - containerPort: 80
        - containerPort: "eighty"
"""


def refused(code: int, message: str, causes: list[dict[str, str]] | None = None) -> ApiError:
    """Return an error as the client raises it for this answer."""
    return ApiError("refused", status={"message": message, "details": {"causes": causes or []}}, code=code)


def test_unknown_fields_of_strict_decoding() -> None:
    message = 'strict decoding error: unknown field "spec.containers[0].imagee", duplicate field "spec.x"'

    found = faults_of(load(TEXT)[0], refused(400, message))

    assert [(fault.line, fault.field) for fault in found] == [(8, "spec.containers[0].imagee"), (5, "spec.x")]


def test_a_wrong_type_is_found_although_go_names_no_index() -> None:
    message = (
        'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field '
        "ContainerPort.spec.containers.ports.containerPort of type int32"
    )

    (fault,) = faults_of(load(TEXT)[0], refused(400, message))

    assert (fault.line, fault.field) == (11, "spec.containers[0].ports[1].containerPort")
    assert "whole number" in fault.text


def test_causes_of_an_invalid_object() -> None:
    causes = [{"field": "spec.containers[0].image", "message": "Required value"}]

    (fault,) = faults_of(load(TEXT)[0], refused(422, "…", causes))

    assert (fault.line, fault.text) == (7, "Required value")


def test_a_refusal_that_is_not_about_fields_is_left_to_others() -> None:
    assert faults_of(load(TEXT)[0], refused(403, "exceeded quota")) == []


def test_fields_are_taken_out_without_moving_their_neighbours() -> None:
    body = {"spec": {"a": 1, "rows": [{"x": 1}, {"y": 2}]}}

    assert take_out(body, ["spec.a", "spec.rows[0]", "spec.rows[1].y", "spec.none"])

    assert body == {"spec": {"rows": [None, {}]}}


def test_a_wrong_quantity_is_looked_for_where_quantities_stand() -> None:
    """The server's message names no field; the same text in another field is not looked at."""
    text = (
        TEXT
        + "      env: [{name: SIZE, value: 20MB}]\n      resources:\n        limits: {cpu: 500m, memory: 20MB}\n"
    )
    said = (
        "Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression '^…$'"
    )

    (fault,) = faults_of(load(text)[0], refused(400, said))

    assert (fault.line, fault.field) == (14, "spec.containers[0].resources.limits.memory")
    assert "20MB" in fault.text


def test_a_wrong_value_in_a_change_is_named_and_a_refused_change_is_not_a_wrong_value() -> None:
    """The first is to be corrected; only the second helps to delete and apply again."""
    wrong = {"field": "spec.containers[0].image", "message": "Invalid value: 5"}
    change = {"field": "spec", "message": "Forbidden: pod updates may not change fields other than `image`"}
    fixed = {"field": "spec.selector", "message": "Invalid value: {}: field is immutable"}
    manifest = load(TEXT)[0]

    (fault,) = faults_of_change(manifest, refused(422, "both", [wrong, change]))

    assert fault.field == "spec.containers[0].image"
    assert faults_of_change(manifest, refused(422, "one", [change, fixed])) == []
