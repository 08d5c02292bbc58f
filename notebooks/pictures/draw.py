"""
Draw all pictures of the course: ``python notebooks/pictures/draw.py [NAME]``.

One function a picture, named like its file. The docstring is the alt text that the file carries.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from kit import BACK_OFF, FAILED, FAINT, READY, STARTED, STOPPING, WAITING, Picture

WAITS_S = (0, 10, 20, 40, 80, 160, 300)
"""Before run 2, run 3 and so on: MaxContainerBackOff and backOffPeriod of the kubelet, v1.36."""
PICTURES: dict[str, Callable[[Picture], None]] = {}
_SIZES: dict[str, tuple[int, int]] = {}


def picture(width: int, height: int) -> Callable[[Callable[[Picture], None]], Callable[[Picture], None]]:
    """Register a drawing function and the size of its picture."""

    def register(draw: Callable[[Picture], None]) -> Callable[[Picture], None]:
        name = draw.__name__.replace("_", "-")
        PICTURES[name], _SIZES[name] = draw, (width, height)
        return draw

    return register


@picture(860, 380)
def first_timeline(p: Picture) -> None:
    """The first timeline with labels: fetch, then proxy to the end, shop inside of proxy's life."""
    strip(
        p,
        62,
        [
            (150, 330, WAITING, "Pending"),
            (330, 690, "#7CC4B2", "Running"),
            (690, 800, "#A6CBE3", "Succeeded"),
        ],
    )
    p.text(24, 67, "phase", size=13, fill=FAINT)
    for y, name, role in ((120, "fetch", "init"), (190, "proxy", "sidecar"), (260, "shop", "app")):
        p.lane(y, name, role)
        p.span(150, 800, y + 2, "#EEF1F4", tall=2)
    p.span(170, 250, 122, READY, "runs")
    p.span(150, 275, 192, WAITING, tall=8)
    p.span(275, 690, 192, READY, "runs all along")
    p.span(150, 330, 262, WAITING, "", tall=8)
    p.span(330, 620, 262, READY, "runs for 3 seconds")
    p.span(620, 690, 192, STOPPING, "", hatch=True)
    axis(p, 310, 150, 800, ("0", "1", "2", "3", "4", "5", "6 s"))
    note(p, 410, 100, "a span: one stretch of one state", (252, 116))
    note(p, 300, 24, "this strip is the phase of the Pod", (296, 50))
    note(p, 640, 230, "told to stop, after shop", (655, 207))
    note(p, 14, 362, "a lane for each container", (60, 284))
    note(p, 300, 362, "thin and pale: waiting for its turn", (240, 268))
    p.text(650, 362, "seconds since the Pod was made", size=12, fill=FAINT)


@picture(860, 330)
def what_is_shared(p: Picture) -> None:
    """A Pod as a house: own rooms for each container, one address, a larder only for those with a key."""
    p.path("M60,120 L430,24 L800,120 Z", fill="#EEF1F4")
    p.box(80, 120, 700, 180, "#FFFFFF", line="#1F2933", round_=0)
    p.text(430, 78, "one Pod, one address: 10.244.0.7", size=16, bold=True, at="middle")
    p.text(430, 104, "one host name, one set of ports, one localhost", size=13, at="middle")
    for x, name, own in ((110, "shop", "/tmp/a"), (560, "shipper", "/tmp/b")):
        p.box(x, 145, 190, 130, "#E7F4F0", line=READY)
        p.text(x + 95, 172, name, size=16, bold=True, mono=True, at="middle")
        p.text(x + 95, 200, "own image, own files:", size=12, at="middle")
        p.text(x + 95, 220, own, size=13, mono=True, at="middle")
        p.text(x + 95, 246, "own processes", size=12, at="middle")
    p.box(340, 165, 180, 90, "#FFF3D6", line="#8A5A00", round_=8, dash="5 3")
    p.text(430, 192, "volume", size=16, bold=True, at="middle")
    p.text(430, 214, "belongs to the Pod", size=12, at="middle")
    p.text(430, 238, "/vol/note", size=13, mono=True, at="middle")
    for x1, x2 in ((302, 338), (558, 522)):
        p.line(x1, 210, x2, 210, arrow=True, width=2.5)
    p.text(320, 140, "volumeMount: the key", size=12, fill=FAINT, at="middle")
    p.text(550, 140, "volumeMount: the key", size=12, fill=FAINT, at="middle")


@picture(860, 330)
def four_words(p: Picture) -> None:
    """Four words, four questions: phase, condition, state, reason; STATUS mixes them."""
    rows = (
        ("How far is the Pod?", "phase", "Pending, Running, Succeeded, Failed, Unknown"),
        ("Is this condition met?", "condition", "Initialized, Ready ...: True or False"),
        ("What does this container do?", "state", "Waiting, Running, Terminated (with exit code)"),
        ("Why?", "reason", "CrashLoopBackOff, ErrImagePull, Completed ..."),
    )
    for at, (question, word, values) in enumerate(rows):
        y = 20 + at * 60
        p.box(20, y, 820, 50, "#F4F6F8", round_=6)
        p.text(38, y + 31, question, size=15)
        p.box(300, y + 9, 110, 32, READY, round_=6)
        p.text(355, y + 31, word, size=15, bold=True, fill="#FFFFFF", at="middle")
        p.text(428, y + 31, values, size=13)
    p.box(20, 268, 820, 46, "#FFFFFF", line=FAILED, round_=6, dash="6 4")
    p.text(38, 297, "STATUS (kubectl)", size=15, bold=True)
    p.text(300, 297, "mixes all four: for reading quickly, not for deciding", size=14)


@picture(860, 330)
def staircase(p: Picture) -> None:
    """Three regular init containers one after another, then two app containers at once."""
    steps = ((60, "fetch", 150, 290), (110, "migrate", 290, 430), (160, "warm", 430, 570))
    for y, name, x1, x2 in steps:
        p.lane(y, name, "init")
        p.span(150, x1, y, WAITING, tall=6)
        p.span(x1, x2, y, READY, "ends with 0")
        p.line(x2, y + 14, x2, y + 38, arrow=True)
    for y, name in ((210, "shop"), (260, "admin")):
        p.lane(y, name, "app")
        p.span(150, 570, y, WAITING, tall=6)
        p.span(570, 820, y, READY, "runs")
    p.line(570, 40, 570, 285, fill=FAINT, dash="4 4")
    p.text(570, 306, "Initialized", size=13, fill=FAINT, at="middle")
    p.text(700, 306, "in no promised order", size=13, fill=FAINT, at="middle")


@picture(860, 330)
def three_policies(p: Picture) -> None:
    """Always and OnFailure: run 2 at once, then pauses of 10 and 20 seconds, Pending. Never: one run, Failed."""
    for at, (policy, phase) in enumerate(
        (("Always", "Pending"), ("OnFailure", "Pending"), ("Never", "Failed"))
    ):
        y = 60 + at * 90
        p.text(24, y - 8, "restartPolicy", size=11, fill=FAINT)
        p.text(24, y + 10, policy, size=15, bold=True, mono=True)
        tries = ((170, 210), (216, 256), (380, 420), (690, 730)) if policy != "Never" else ((170, 210),)
        for number, (x1, x2) in enumerate(tries):
            p.span(x1, x2, y, FAILED, str(number + 1))
        if policy != "Never":
            p.text(213, y - 18, "at once", size=11, fill=FAINT, at="middle")
            for x1, x2, wait in ((256, 380, WAITS_S[1]), (420, 690, WAITS_S[2])):
                p.span(x1, x2, y, BACK_OFF, tall=10)
                p.text((x1 + x2) / 2, y - 10, f"{wait} s", size=12, at="middle")
            p.text(736, y + 4, "and so on", size=12, fill=FAINT)
        else:
            p.span(210, 730, y, "#E9ECEF", tall=6)
            p.text(470, y - 8, "not tried again; the Pod is over", size=12, at="middle")
        p.text(170, y + 34, f"phase {phase}; the app never starts", size=12, fill=FAINT)
    p.text(170, 316, "each box: one run of the init container, exit code not 0", size=12, fill=FAINT)


@picture(860, 200)
def back_off_ruler(p: Picture) -> None:
    """Run 1 fails, run 2 follows at once; then the waits are 10, 20, 40, 80, 160 and always 300 seconds."""
    p.text(40, 36, "waits before a container is started again", size=15, bold=True)
    p.box(40, 76, 8, 28, READY, round_=1)
    p.text(44, 122, "run 1", size=11, fill=FAINT, at="middle")
    x = 48.0
    for number, wait in enumerate(WAITS_S, 2):
        width = 16 + wait * 0.98
        if wait:
            p.span(x, x + width - 8, 90, BACK_OFF, tall=14)
        p.text(x + (width - 8) / 2, 74 - 16 * (wait == 10), f"{wait} s" if wait else "0", size=12, at="middle")
        p.box(x + width - 8, 76, 8, 28, READY, round_=1)
        p.text(x + width - 4, 122 + 14 * (number == 2), str(number), size=11, fill=FAINT, at="middle")
        x += width
    p.text(40, 158, "counted from the end of the last run; the kubelet's next look adds up to 15 s", size=12, fill=FAINT)
    p.text(40, 180, "after ten minutes without a crash the ruler starts again", size=12, fill=FAINT)


@picture(860, 400)
def two_forms(p: Picture) -> None:
    """The older form and the sidecar under each other: start, restart, end and stop differ."""
    p.text(24, 32, "older form: a second app container", size=16, bold=True)
    for y, name in ((70, "shop"), (115, "shipper")):
        p.lane(y, name, "app")
        p.span(150, 220, y, WAITING, tall=6)
    p.span(220, 690, 70, READY, "runs")
    p.span(690, 790, 70, STOPPING, "last words")
    p.span(220, 690, 115, READY, "runs")
    p.span(690, 704, 115, STOPPING, "")
    p.text(716, 120, "gone first", size=12, fill=FAILED)
    p.line(24, 160, 836, 160, fill="#E3E7EB")
    p.text(24, 196, "sidecar: in initContainers, restartPolicy Always", size=16, bold=True)
    p.lane(235, "shipper", "sidecar")
    p.lane(280, "shop", "app")
    p.span(150, 180, 235, WAITING, tall=6)
    p.span(180, 430, 235, READY, "there first")
    p.span(430, 448, 235, FAILED, tall=8)
    p.span(448, 790, 235, READY, "comes back")
    p.span(790, 810, 235, STOPPING)
    p.span(150, 220, 280, WAITING, tall=6)
    p.span(220, 690, 280, READY, "runs")
    p.span(690, 790, 280, STOPPING, "last words")
    p.text(836, 214, "leaves last", size=12, fill=READY, at="end")
    p.line(690, 50, 690, 320, fill=FAINT, dash="4 4")
    p.text(690, 338, "SIGTERM to shop", size=12, fill=FAINT, at="middle")
    p.text(24, 376, "two lines of YAML, four differences of life: start, restart, end, stop", size=13)


@picture(860, 330)
def stop_order(p: Picture) -> None:
    """Stopping: all app containers are told together, then the sidecars from the last to the first."""
    lanes = (("s1", "sidecar", 640), ("s2", "sidecar", 500), ("shop", "app", 360), ("extra", "app", 360))
    for at, (name, role, told) in enumerate(lanes):
        y = 60 + at * 55
        p.lane(y, name, role)
        p.span(150, told, y, READY, "runs")
        p.span(told, told + 130, y, STOPPING, "SIGTERM, ends")
    p.line(300, 30, 300, 262, fill=FAINT, dash="4 4")
    p.text(300, 282, "delete", size=13, fill=FAINT, at="middle")
    for x, words in ((360, "1 apps together"), (500, "2 the last sidecar"), (640, "3 the one before")):
        p.text(x, 306, words, size=13)
    p.line(490, 170, 500, 130, arrow=True)
    p.line(630, 114, 640, 76, arrow=True)


@picture(860, 360)
def decision_card(p: Picture) -> None:
    """Which form? By four needs: must it end, be there before, come back alone, outlast the app."""
    rows = (
        ("Must it end before the app starts?", "regular init container", READY),
        ("Must it be there before the app's first line?", "sidecar", STARTED),
        ("Must it come back alone, under every policy?", "sidecar", STARTED),
        ("Must it outlast the app's last line?", "sidecar", STARTED),
        ("Is it an equal of the app, ending with it?", "second app container", WAITING),
    )
    p.text(24, 34, "start, restart, end, stop: ask in this order, the first yes decides", size=16, bold=True)
    for at, (need, form, fill) in enumerate(rows):
        y = 56 + at * 58
        p.box(24, y, 470, 44, "#F4F6F8", round_=6)
        p.text(42, y + 28, need, size=15)
        p.line(496, y + 22, 560, y + 22, arrow=True)
        p.text(524, y + 15, "yes", size=12, fill=FAINT, at="middle")
        p.box(566, y, 270, 44, fill, round_=6)
        p.text(
            701, y + 28, form, size=15, bold=True, at="middle", fill="#FFFFFF" if fill == READY else "#1F2933"
        )
        if at:
            p.text(34, y - 3, "no", size=11, fill=FAINT)


@picture(860, 340)
def five_clocks(p: Picture) -> None:
    """Five clocks on one ruler, for the same start: whole second, bounds of Event and watch, log line, node."""
    p.text(24, 32, "when did the process start?  five clocks, one moment", size=16, bold=True)
    rows = (
        (75, "status", "startedAt, whole seconds", 200, 790),
        (125, "watch", "not after its arrival", 200, 560),
        (175, "Event", "between Created and Started", 430, 520),
        (225, "log line", "not after the first line", 200, 540),
        (275, "node", "containerd's own record", 497, 503),
    )
    for y, name, words, x1, x2 in rows:
        p.text(24, y, name, size=15, bold=True)
        p.text(24, y + 16, words, size=11, fill=FAINT)
        p.span(x1, x2, y, READY if name == "node" else WAITING, hatch=name != "node")
    p.line(500, 50, 500, 300, fill=FAILED, dash="4 4")
    p.text(500, 318, "the true moment lies in all five", size=12, fill=FAILED, at="middle")
    p.text(200, 318, "3 s", size=12, fill=FAINT, at="middle")
    p.text(790, 318, "4 s", size=12, fill=FAINT, at="middle")


@picture(860, 330)
def reading_order(p: Picture) -> None:
    """A ladder from the top: node, volumes, which init, which reason, since when and when next."""
    rows = (
        ("Is there a node?", "PodScheduled, Event FailedScheduling"),
        ("Are its volumes there?", "Event FailedMount"),
        ("Which init container is not done?", "initContainerStatuses, from the top"),
        ("Which reason?", "waiting.reason, lastState, the log of the run before"),
        ("Since when, and when is the next try?", "finishedAt and the back-off of 10, 20, 40 ... s"),
    )
    for at, (question, where) in enumerate(rows):
        y, x = 18 + at * 61, 24 + at * 14
        p.box(x, y, 400, 46, "#F4F6F8", round_=6)
        p.text(x + 16, y + 29, f"{at + 1}  {question}", size=15, bold=True)
        p.text(x + 416, y + 29, where, size=12.5, fill=FAINT)
        if at < len(rows) - 1:
            p.line(x + 30, y + 46, x + 38, y + 60, arrow=True)


def strip(p: Picture, y: float, parts: list[tuple[float, float, str, str]]) -> None:
    """A strip of words along the top."""
    for x1, x2, fill, word in parts:
        p.span(x1, x2, y, fill, word, tall=20)


def axis(p: Picture, y: float, left: float, right: float, labels: tuple[str, ...]) -> None:
    """A time axis with evenly spaced labels."""
    p.line(left, y, right, y, fill=FAINT)
    for at, label in enumerate(labels):
        x = left + (right - left) * at / (len(labels) - 1)
        p.line(x, y, x, y + 5, fill=FAINT)
        p.text(x, y + 20, label, size=12, fill=FAINT, at="middle")


def note(p: Picture, x: float, y: float, words: str, to: tuple[float, float]) -> None:
    """Words with a leader line that begins near them and ends at *to*."""
    p.text(x, y, words, size=13, bold=True)
    below = to[1] > y
    p.line(x + 6, y + (5 if below else -14), *to, fill="#1F2933", arrow=True, width=1.2)


def main(wanted: list[str]) -> None:
    """Draw the pictures named, or all of them."""
    for name, draw in PICTURES.items():
        if not wanted or name in wanted:
            canvas = Picture(*_SIZES[name], alt=(draw.__doc__ or "").strip())
            draw(canvas)
            print(canvas.save(name).name)


if __name__ == "__main__":
    main(sys.argv[1:])
