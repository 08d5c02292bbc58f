"""Strategic merge patches as pure functions."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.embedded.api.verbs import patching

SPEC = "core/v1.PodSpec"


def names(*letters: str) -> list[dict[str, Any]]:
    return [{"name": letter, "image": "x"} for letter in letters]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"containers": names("new")}, "new a b c"),
        ({"containers": names("c", "a")}, "b c a"),
        ({"containers": names("b", "new")}, "a b new c"),
        ({"containers": [{"name": "b", "$patch": "delete"}, *names("new")]}, "new a c"),
        (
            {"containers": names("new"), "$setElementOrder/containers": names("a", "new", "b", "c")},
            "a new b c",
        ),
        ({"$setElementOrder/containers": names("c", "a")}, "b c a"),
        ({"$setElementOrder/containers": names("b", "a")}, "b a c"),
    ],
)
def test_what_a_patch_names_comes_in_its_order_and_what_is_new_first(patch: Any, expected: str) -> None:
    """As mergeSortedSlice does; seen on a real cluster for a container without a place of its own."""
    merged = patching.strategic(SPEC, {"containers": names("a", "b", "c")}, patch)
    assert " ".join(c["name"] for c in merged["containers"]) == expected


def test_scalars_of_a_patch_come_first_too() -> None:
    old = {"finalizers": ["a/a", "b/b"]}
    merged = patching.strategic("meta/v1.ObjectMeta", old, {"finalizers": ["c/c", "b/b"]})
    assert merged["finalizers"] == ["c/c", "a/a", "b/b"]


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ("new", "a b c new"),
        ("b new", "a b c new"),
        ("new b", "a new b c"),
        ("c a", "b c a"),
        ("a b c", "a b c"),
    ],
)
def test_an_applied_configuration_adds_after_what_was_there(configuration: str, expected: str) -> None:
    """As structured-merge-diff orders lists, unlike a patch."""
    applied = {"containers": names(*configuration.split())}
    merged = patching.strategic(SPEC, {"containers": names("a", "b", "c")}, applied, applied=True)
    assert " ".join(c["name"] for c in merged["containers"]) == expected


def test_a_value_is_taken_from_a_list_whatever_else_a_patch_names() -> None:
    """As sets: two lists of 40,000 were compared with each other, and nobody else was answered for minutes."""
    old = {"finalizers": [f"a.b/{n}" for n in range(40_000)]}
    gone = [f"a.b/{n}" for n in range(1, 80_000)]
    merged = patching.strategic(
        "meta/v1.ObjectMeta", old, {"$deleteFromPrimitiveList/finalizers": [*gone, {"a": 1}, [1], None]}
    )
    assert merged["finalizers"] == ["a.b/0"]


def test_an_index_of_many_digits_is_no_index() -> None:
    with pytest.raises(patching.PatchError, match="invalid array index"):
        patching.json_patch({"a": []}, [{"op": "add", "path": "/a/" + "9" * 5000, "value": 1}])
