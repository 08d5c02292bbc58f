"""kubectl's columns and what a Pod reserves."""

import pytest

from podlab.lab import looking


def pod(inits=(), apps=(), statuses=()):
    return {
        "spec": {"initContainers": list(inits), "containers": list(apps)},
        "status": {"containerStatuses": list(statuses)},
    }


def container(name, cpu=None, **more):
    resources = {"resources": {"requests": {"cpu": cpu}}} if cpu else {}
    return {"name": name, **resources, **more}


SIDE = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("inits", "apps", "reserved"),
    [
        ([container("build", "700m")], [container("shop", "50m")], "700m"),
        ([container("build", "20m")], [container("shop", "50m"), container("b", "1")], "1050m"),
        ([container("s", "100m", **SIDE), container("build", "300m")], [container("shop", "50m")], "400m"),
        ([container("build", "300m"), container("s", "100m", **SIDE)], [container("shop", "50m")], "300m"),
        ([container("s", "100m", **SIDE)], [container("shop", "0.25")], "350m"),
        ([], [{"name": "limited", "resources": {"limits": {"cpu": "200m"}}}], "200m"),
    ],
)
def test_a_pod_reserves_the_largest_need_of_any_moment(inits, apps, reserved):
    assert looking.reserved_cpu(pod(inits, apps)) == reserved


def test_pods_are_found_by_who_made_them():
    made = {"metadata": {"name": "a", "ownerReferences": [{"name": "till-1"}]}}
    alone = {"metadata": {"name": "b"}}

    assert looking.owned_by([made, alone], {"till-1", "till-2"}) == [made]


def test_the_exit_code_of_a_running_container_is_unknown():
    body = pod(apps=[container("a")], statuses=[{"name": "a", "state": {"running": {}}, "restartCount": 2}])

    assert looking.exit_code(body, "a") is None
    assert looking.restarts(body) == {"a": 2}
