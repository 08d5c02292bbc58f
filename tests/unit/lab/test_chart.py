"""The chart of a Pod: kubectl's row, states with their last end, and Events, in the order of the evidence."""

from podlab.lab import looking

ENDED = {"terminated": {"reason": "Error", "exitCode": 3}}
POD = {
    "status": {
        "phase": "Pending",
        "initContainerStatuses": [{"name": "first", "restartCount": 0, "state": ENDED}],
        "containerStatuses": [
            {
                "name": "shop",
                "restartCount": 2,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": ENDED,
            },
            {"name": "helper", "restartCount": 0, "state": {"running": {}}},
        ],
    }
}
ROW = {"NAME": "web", "READY": "1/2", "STATUS": "CrashLoopBackOff"}


def test_a_chart_holds_the_evidence():
    events = [{"type": "Warning", "reason": "BackOff", "message": "Back-off restarting"}]

    assert looking.chart(POD, ROW, events).splitlines() == [
        "web: STATUS CrashLoopBackOff, READY 1/2, phase Pending",
        "  first: ended Error exit code 3, restarts 0",
        "  shop: waiting CrashLoopBackOff, restarts 2; before: ended Error exit code 3",
        "  helper: running, restarts 0",
        "  Event Warning BackOff: Back-off restarting",
    ]


def test_a_pod_without_a_node_has_no_containers_yet():
    assert looking.chart({"status": {"phase": "Pending"}}, ROW, []).count("\n") == 0
