"""
A timeline for other programs: PNG, SVG, JSON, CSV, one HTML page, OpenTelemetry spans.

Numbers that are not known are null, never invented: an open side of an interval stays open in every format.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from html import escape
from math import isinf
from pathlib import Path
from typing import Any

from podlab import paths
from podlab.errors import TimelineError
from podlab.extras import need
from podlab.files import write_whole
from podlab.timeline import Instant, Timeline
from podlab.timeline.model import Stretch
from podlab.views._alt import alt_text
from podlab.views._svg import svg
from podlab.views._text import text
from podlab.views.style import ROLE_LONG

SCHEMA = 1
"""Version of the JSON form; raised when a field changes its meaning."""


def save(timeline: Timeline, path: str | Path, **options: Any) -> Path:
    """
    Write a picture or a table; the ending of *path* says which.

    Endings: ``.png``, ``.svg``, ``.pdf``, ``.html``, ``.json``, ``.csv``, ``.txt``, ``.otlp.json``. The file
    appears whole or not at all.

    Raises:
        TimelineError: Another ending.
        OSError: It cannot be written there; nothing is left.
    """
    path = Path(path)
    ending = ".otlp.json" if path.name.endswith(".otlp.json") else path.suffix.lower()
    if ending == ".png":
        data = png(timeline, **options)
    elif ending == ".pdf":
        data = _pdf(timeline, **options)
    elif ending in _WRITERS:
        data = _WRITERS[ending](timeline).encode()
    else:
        known = ", ".join([".png", ".pdf", *_WRITERS])
        what = ending or "a file without ending"
        raise TimelineError(f"{path.name}: cannot write {what}", hint=f"use {known}")
    paths.refuse_no_file(path)
    write_whole(path, data)
    return path


def _pdf(timeline: Timeline, **options: Any) -> bytes:
    from podlab.views._plot import figure

    buffer = io.BytesIO()
    figure(timeline, **options).savefig(
        buffer, format="pdf", metadata={"Title": f"Life of Pod {timeline.name}"}
    )
    return buffer.getvalue()


def png(timeline: Timeline, *, dpi: float = 100.0, **options: Any) -> bytes:
    """Return the picture as PNG, with the alternative text as its description."""
    from podlab.views._plot import figure
    from podlab.views._png import encode

    drawn = figure(timeline, **options)
    drawn.set_dpi(dpi)
    return encode(drawn, {"Title": f"Life of Pod {timeline.name}", "Description": alt_text(timeline)})


# -- data ----------------------------------------------------------------------------------------------------


def _number(value: float) -> float | None:
    return None if isinf(value) else round(value, 6)


def _instant(instant: Instant | None) -> dict[str, Any] | None:
    if instant is None:
        return None
    evidence = [
        {"source": e.source, "text": e.text, "lo": _number(e.lo), "hi": _number(e.hi)}
        for e in instant.evidence
    ]
    return {"lo": _number(instant.lo), "hi": _number(instant.hi), "evidence": evidence}


def _stretches(stretches: Iterable[Stretch]) -> list[dict[str, Any]]:
    return [{"word": s.word, "start": _instant(s.start), "end": _instant(s.end)} for s in stretches]


def as_dict(timeline: Timeline) -> dict[str, Any]:
    """
    Everything in a timeline as plain data; times are seconds since ``created_at``, intervals have ``lo, hi``.
    """
    return {
        "kind": "podlab.timeline",
        "schema": SCHEMA,
        "pod": timeline.name,
        "namespace": timeline.namespace,
        "uid": timeline.uid,
        "created_at": timeline.zero,
        "complete": timeline.complete,
        "predicted": timeline.predicted,
        "start_order": timeline.start_order(),
        "stop_order": timeline.stop_order(),
        "lanes": [
            {
                "name": lane.name, "role": lane.role, "image": lane.image,
                "spans": [
                    {
                        "state": s.state, "reason": s.reason, "restart": s.restart, "exit_code": s.exit_code,
                        "signal": s.signal, "message": s.message, "start": _instant(s.start), "end":
                        _instant(s.end),
                    }
                    for s in lane.spans
                ],
                "runs": [
                    {
                        "restart": r.restart, "seen": r.seen, "count": r.count, "exit_code": r.exit_code,
                        "reason": r.reason, "start": _instant(r.start), "end": _instant(r.end),
                    }
                    for r in lane.runs
                ],
            }
            for lane in timeline.lanes
        ],
        "phases": _stretches(timeline.phases),
        "status_words": _stretches(timeline.status_words),
        "conditions": {kind: _stretches(values) for kind, values in timeline.conditions.items()},
        "markers": [
            {
                "kind": m.kind, "label": m.label, "container": m.container, "message": m.message,
                "warning": m.warning, "count": m.count, "at": _instant(m.at),
            }
            for m in timeline.markers
        ],
        "notes": list(timeline.notes),
    }  # fmt: skip


def as_json(timeline: Timeline) -> str:
    """The same as JSON text."""
    return json.dumps(as_dict(timeline), ensure_ascii=False, indent=1) + "\n"


COLUMNS = (
    "pod", "container", "role", "state", "reason", "restart", "exit_code", "signal",
    "start_lo", "start_hi", "end_lo", "end_hi", "sources",
)  # fmt: skip


def rows(timeline: Timeline) -> list[dict[str, Any]]:
    """Return one row per span, with the columns of ``COLUMNS``; unknown numbers are None."""
    return [
        {
            "pod": timeline.name, "container": lane.name, "role": lane.role, "state": span.state,
            "reason": span.reason, "restart": span.restart, "exit_code": span.exit_code, "signal":
            span.signal, "start_lo": _number(span.start.lo), "start_hi": _number(span.start.hi),
            "end_lo": _number(span.end.lo) if span.end else None,
            "end_hi": _number(span.end.hi) if span.end else None,
            "sources": " ".join(span.start.sources),
        }
        for lane in timeline.lanes
        for span in lane.spans
    ]  # fmt: skip


def as_csv(timeline: Timeline) -> str:
    """Return one line per span. Cells that a spreadsheet would run as a formula get a quote in front."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _harmless(v) for k, v in row.items()} for row in rows(timeline))
    return buffer.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def frame(timeline: Timeline) -> Any:
    """Return a pandas DataFrame, one row per span; ``start_s`` and ``end_s`` are the middles of the intervals."""
    need("pandas")
    import pandas as pd

    table = pd.DataFrame(rows(timeline), columns=list(COLUMNS))
    for name in ("start_lo", "start_hi", "end_lo", "end_hi"):
        table[name] = pd.to_numeric(table[name])
    table["exit_code"] = table["exit_code"].astype("Int64")
    table["start_s"] = table[["start_lo", "start_hi"]].mean(axis=1)
    table["end_s"] = table[["end_lo", "end_hi"]].mean(axis=1)
    return table


# -- HTML ----------------------------------------------------------------------------------------------------


def as_html(timeline: Timeline) -> str:
    """Return one page that needs nothing else: the picture, the facts, every start and end with its evidence."""
    facts = "".join(f"<li>{escape(note)}</li>" for note in timeline.notes)
    body = "".join(
        _evidence_row(lane.name, ROLE_LONG[lane.role], r) for lane in timeline.lanes for r in lane.runs
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>Life of Pod {escape(timeline.name)}</title><style>{_CSS}</style></head><body>"
        f"<main>{svg(timeline)}<p>{escape(alt_text(timeline))}</p>"
        + (f"<h2>Notes</h2><ul>{facts}</ul>" if facts else "")
        + "<h2>Starts and ends, and who said so</h2><table><thead><tr><th>container<th>role<th>run<th>started"
        f"<th>ended<th>exit code<th>evidence</tr></thead><tbody>{body}</tbody></table>"
        f"<details><summary>As text</summary><pre>{escape(text(timeline, 120, colour=False))}</pre></details>"
        "</main></body></html>\n"
    )


_CSS = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;margin:2rem}main{max-width:1100px;margin:auto}"
    "svg{max-width:100%;height:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;"
    "padding:.3rem .6rem;border-bottom:1px solid #e3e7eb;vertical-align:top}td:last-child{color:#5f6b7a;"
    "font-size:13px}pre{overflow:auto;background:#f5f7fa;padding:1rem}"
)


def _evidence_row(name: str, role: str, run: Any) -> str:
    shown = [e for i in (run.start, run.end) if i is not None for e in i.evidence[:3]]
    why = "; ".join(f"{e.source}: {e.text}" for e in shown)
    number = (
        f"{run.restart + 1}"
        if run.count == 1
        else f"{run.restart + 1} to {run.restart + run.count}, not seen"
    )
    cells = [name, role, number, run.start or "never", run.end or "still running",
             "" if run.exit_code is None else run.exit_code, why]  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in cells) + "</tr>"


# -- tracing -------------------------------------------------------------------------------------------------


def as_otlp(timeline: Timeline) -> str:
    """
    Return the life of the Pod as one OpenTelemetry trace, in the JSON form of OTLP.

    The Pod is the root span, each container a child, each run a child of that. Times are the middles of the
    intervals; the intervals themselves are in the attributes ``podlab.start.lo_s`` and so on.
    """
    trace = hashlib.sha256(f"{timeline.uid}{timeline.name}".encode()).hexdigest()[:32]
    root = _id(trace, "pod")
    end = timeline.gone.mid if timeline.gone else timeline.until
    spans = [_otlp_span(timeline, (trace, root, ""), f"Pod {timeline.name}", (0.0, end), {})]
    for lane in timeline.lanes:
        lane_id = _id(trace, lane.name)
        first = lane.spans[0].start.mid if lane.spans else 0.0
        last = lane.spans[-1].end.mid if lane.spans and lane.spans[-1].end else timeline.until
        about = {"podlab.role": lane.role}
        spans.append(_otlp_span(timeline, (trace, lane_id, root), lane.name, (first, last), about))
        for index, span in enumerate(lane.spans):
            stop = span.end.mid if span.end else timeline.until
            known = {"podlab.state": span.state, "podlab.reason": span.reason, "podlab.restart": span.restart,
                     "podlab.exit_code": span.exit_code, "podlab.start.lo_s": _number(span.start.lo),
                     "podlab.start.hi_s": _number(span.start.hi),
                     "podlab.end.lo_s": _number(span.end.lo) if span.end else None,
                     "podlab.end.hi_s": _number(span.end.hi) if span.end else None}  # fmt: skip
            identity = _id(trace, f"{lane.name}/{index}")
            name = f"{lane.name} {span.state}"
            spans.append(
                _otlp_span(timeline, (trace, identity, lane_id), name, (span.start.mid, stop), known)
            )
    spans[0]["events"] = [
        {"timeUnixNano": _nanos(timeline, m.at.mid), "name": m.label,
         "attributes": _attributes({"podlab.container": m.container, "message": m.message})}
        for m in timeline.markers
    ]  # fmt: skip
    resource = {"service.name": timeline.name, "k8s.pod.name": timeline.name, "k8s.pod.uid": timeline.uid,
                "k8s.namespace.name": timeline.namespace}  # fmt: skip
    scope = {"scope": {"name": "podlab"}, "spans": spans}
    whole = {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}
    return json.dumps(whole, indent=1) + "\n"


def _id(trace: str, name: str) -> str:
    return hashlib.sha256(f"{trace}/{name}".encode()).hexdigest()[:16]


def _nanos(timeline: Timeline, t: float) -> str:
    return str(int(timeline.zero) * 10**9 + round((timeline.zero % 1 + max(t, 0.0)) * 1e9))


def _otlp_span(
    timeline: Timeline,
    ids: tuple[str, str, str],
    name: str,
    times: tuple[float, float],
    known: dict[str, Any],
) -> dict[str, Any]:
    """Return one span of OTLP; *ids* are those of the trace, the span and its parent."""
    (trace, identity, parent), (start, end) = ids, times
    failed = bool(known.get("podlab.exit_code")) and known.get("podlab.state") != "waiting"
    return {
        "traceId": trace, "spanId": identity, "parentSpanId": parent, "name": name, "kind": 1,
        "startTimeUnixNano": _nanos(timeline, start), "endTimeUnixNano": _nanos(timeline, max(start, end)),
        "attributes": _attributes(known), "status": {"code": 2 if failed else 0}, "events": [],
    }  # fmt: skip


def _attributes(known: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for key, value in known.items():
        if value is None or value == "":
            continue
        kind = (
            "intValue"
            if isinstance(value, int)
            else "doubleValue"
            if isinstance(value, float)
            else "stringValue"
        )
        found.append({"key": key, "value": {kind: str(value) if kind == "intValue" else value}})
    return found


def export(timeline: Timeline, form: str = "json") -> str | bytes:
    """
    Return the timeline as ``json``, ``csv``, ``html``, ``svg``, ``txt``, ``otlp.json`` (text) or ``png`` (bytes).
    """
    if form == "png":
        return png(timeline)
    writer = _WRITERS.get(f".{form.lstrip('.')}") or _WRITERS.get(".otlp.json" if form == "otlp" else "")
    if writer is None:
        known = ", ".join(["png", *(key[1:] for key in _WRITERS)])
        raise TimelineError(f"cannot export {form}", hint=f"use {known}")
    return writer(timeline)


_WRITERS = {
    ".svg": svg,
    ".json": as_json,
    ".csv": as_csv,
    ".html": as_html,
    ".txt": lambda timeline: text(timeline, 120, colour=False) + "\n",
    ".otlp.json": as_otlp,
}
