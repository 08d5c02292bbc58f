"""
Draw the pictures of the README from the recording beside this file: ``python docs/pictures/draw.py``.

    first-pod.svg   the timeline of the first Pod, with numbers and what they mean
    first-pod.gif   the same life as the live view shows it while it is recorded

To record it anew: ``podlab record labs/00-first-pod/manifests/first-pod.yaml --until Succeeded --fresh --out
docs/pictures/first-pod.jsonl``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from podlab import views
from podlab.observe import Recording
from podlab.timeline import Timeline
from podlab.views._layout import scene_of
from podlab.views.style import FAINT, INK, PAPER

HERE = Path(__file__).parent
RECORDING, SVG, GIF = (HERE / f"first-pod.{ending}" for ending in ("jsonl", "svg", "gif"))

FRAME_S = 0.25
"""Seconds of the Pod's life between two frames of the animation."""

REST_MS = 4000
"""How long the last frame stays."""

LINE_PX = 21.0


@dataclass(frozen=True, slots=True)
class Note:
    """A number in the picture, at a second of a lane, and what it means."""

    lane: str
    at_s: float
    words: str


def notes_of(timeline: Timeline) -> list[Note]:
    """What there is to see, in the order of time."""
    fetch, shipper, app = (timeline.lane(name) for name in ("fetch", "shipper", "app"))
    told = next(span.start for span in shipper.spans if span.state == "terminating")
    assert fetch.first_start and fetch.last_end and shipper.first_start and shipper.last_end
    assert app.first_start and app.last_end
    return [
        Note("fetch", _between(fetch.first_start.mid, fetch.last_end.mid),
             "an init container runs to its end before anything else starts"),
        Note("shipper", _between(shipper.first_start.mid, app.last_end.mid),
             "a sidecar container starts before the app, and runs beside it"),
        Note("app", _between(app.first_start.mid, app.last_end.mid), "the app does its work and ends by itself"),
        Note("shipper", _between(told.mid, shipper.last_end.mid, 0.8),
             "only then is the sidecar told to stop: it outlives the app"),
    ]  # fmt: skip


def _between(start: float, end: float, share: float = 0.5) -> float:
    return start + (end - start) * share


def labelled(timeline: Timeline) -> str:
    """The timeline as SVG, with numbers in its lanes and a line for each below."""
    plain = views.svg(timeline)
    _head, _, rest = plain.partition("viewBox='0 0 ")
    width, height = rest.partition("'")[0].split()
    taller = float(height) + LINE_PX * 4 + 14
    picture = plain.replace(f"0 0 {width} {height}'", f"0 0 {width} {taller:.0f}'", 1)
    picture = picture.replace(f"height='{height}'", f"height='{taller:.0f}'", 1)
    return picture.replace("</svg>", _numbers(timeline, float(height)) + "</svg>\n")


def _numbers(timeline: Timeline, below: float) -> str:
    scene = scene_of(timeline)
    left, top = _origin(timeline)
    rows = {row.label.partition("\n")[0]: row.y for row in scene.rows}
    parts = []
    for number, note in enumerate(notes_of(timeline), 1):
        parts.append(_circle(left + scene.x(note.at_s), top + rows[note.lane], number))
        y = below + LINE_PX * (number - 0.2)
        parts.append(_circle(left + 9, y, number))
        parts.append(
            f"<text x='{left + 26:.0f}' y='{y + 4.5:.1f}' font-size='13' fill='{INK}'>{escape(note.words)}</text>"
        )
    return "".join(parts)


def _origin(timeline: Timeline) -> tuple[float, float]:
    """Where the plot begins inside of the SVG: the picture says so itself."""
    place = views.svg(timeline).partition("<g transform='translate(")[2].partition(")")[0]
    left, top = map(float, place.split())
    return left, top


def _circle(x: float, y: float, number: int) -> str:
    return (
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='8.5' fill='{PAPER}' stroke='{FAINT}'/>"
        f"<text x='{x:.1f}' y='{y + 4.3:.1f}' font-size='12' font-weight='bold' fill='{INK}' text-anchor='middle'>"
        f"{number}</text>"
    )


# ----------------------------------------------------------------------------------------------- the live view


def frames(recording: Recording) -> Iterator[Timeline]:
    """The timelines that a live view draws, one each ``FRAME_S``: without the node's record, which comes at the end."""
    observations = list(recording.observations)
    whole = recording.timeline()
    early = whole.until - max(
        float(one["t"]) for one in observations
    )  # seconds that its 0 lies before the Pod's
    arrived = [one for one in observations if one["source"] != "node"]
    for number in range(1, int(whole.until / FRAME_S) + 1):
        now = number * FRAME_S
        known = [one for one in arrived if float(one["t"]) + early <= now]
        if Timeline.pods(known):
            yield replace(Timeline.from_observations(recording.header, known, live=True), until=now)
    yield whole


def animated(recording: Recording) -> bytes:
    """The frames as one GIF, which plays without end."""
    from PIL import Image

    window = (0.0, recording.timeline().until)
    pictures = [Image.open(io.BytesIO(views.png(one, window=window))) for one in frames(recording)]
    height = max(picture.height for picture in pictures)  # legends grow with what there is to explain
    pages = [_page(picture, height) for picture in pictures]
    buffer = io.BytesIO()
    pages[0].save(
        buffer, "GIF", save_all=True, append_images=pages[1:], loop=0, optimize=True,
        duration=[int(FRAME_S * 1000)] * (len(pages) - 1) + [REST_MS], comment=source(recording).encode(),
    )  # fmt: skip
    return buffer.getvalue()


def _page(picture: object, height: int) -> object:
    from PIL import Image

    assert isinstance(picture, Image.Image)
    page = Image.new("RGB", (picture.width, height), PAPER)
    page.paste(picture.convert("RGB"))
    return page.quantize(48, dither=Image.Dither.NONE)


def source(recording: Recording) -> str:
    """What an animation was made from: the recording's bytes and the pace, as the comment in its file."""
    digest = hashlib.sha256(RECORDING.read_bytes()).hexdigest()
    return f"podlab {digest} every {FRAME_S} s, {len(list(frames(recording)))} frames"


def main() -> None:
    """Write both pictures."""
    recording = Recording.read(RECORDING)
    SVG.write_text(labelled(recording.timeline()), encoding="utf-8")
    GIF.write_bytes(animated(recording))


if __name__ == "__main__":
    main()
