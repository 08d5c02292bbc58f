"""
The observations about one Pod, sorted by source: objects, Events, log lines, the node's record, acts.

Nothing is concluded here; ``bounds`` and ``runs`` do that. Observations that are duplicates, out of order or
of other Pods are recognised here, and damaged ones are counted instead of stopping the reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from podlab.errors import TimelineError
from podlab.pods import roles
from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_ns, parse_s, precision_s


@dataclass(frozen=True, slots=True)
class Seen:
    """One state of the Pod object; *t* is its arrival (None in a list taken before anything was timed)."""

    t: float
    type: str
    pod: RawObject


@dataclass(frozen=True, slots=True)
class Emission:
    """
    One time that a component spoke through an Event.

    Attributes:
        lo, hi: When, by the speaker's clock, seconds since the epoch.
        exact: Whether that is known to better than a second (from the Event's name, or its microseconds).
        count: How often it had been said by then, at least.
        arrived: Arrival by the recorder's clock (its *t*): the Event was made before.
        stored: The API server's stamp of a first emission, whole seconds since the epoch; None for
            repetitions.
    """

    reason: str
    container: str
    component: str
    message: str
    warning: bool
    lo: float
    hi: float
    exact: bool
    count: int
    arrived: float
    stored: float | None = None


@dataclass(slots=True)
class LogLines:
    """
    First and last stamp of one run's log, by the node's clock, and the lines that carry a word of their own.
    """

    first: float
    last: float
    lines: int = 0
    last_arrived: float = 0.0


@dataclass(slots=True)
class Facts:
    """Everything that was seen of one Pod; times ``t`` count from the recording's start."""

    header: Mapping[str, Any]
    name: str = ""
    uid: str = ""
    seen: list[Seen] = field(default_factory=list)
    emissions: list[Emission] = field(default_factory=list)
    logs: dict[tuple[str, int], LogLines] = field(default_factory=dict)
    said: list[tuple[str, int, float, str]] = field(default_factory=list)
    # When (t) the node said that a run is over.
    over: dict[tuple[str, int], float] = field(default_factory=dict)
    # A node, when (t) it was asked, its time then at most.
    times: list[tuple[str, float, float]] = field(default_factory=list)
    node: list[Mapping[str, Any]] = field(default_factory=list)
    recorder: list[Mapping[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    last_t: float = 0.0

    @property
    def latest(self) -> RawObject:
        """The newest object seen."""
        return self.seen[-1].pod

    @property
    def zero(self) -> float:
        """``creationTimestamp`` as printed, seconds since the epoch: the 0 of the timeline."""
        return parse_s(self.latest["metadata"].get("creationTimestamp")) or self.wall_zero

    @property
    def wall_zero(self) -> float:
        """The recorder's own idea of when ``t`` was 0, seconds since the epoch."""
        return parse_s(self.header.get("started_at")) or 0.0

    @property
    def end(self) -> Mapping[str, Any] | None:
        """The recorder's closing line; None when the recording was cut short."""
        return next((r for r in reversed(self.recorder) if r.get("event") == "end"), None)

    @property
    def gaps(self) -> list[Mapping[str, Any]]:
        """The gaps of the recording that count for this Pod: those that name it, or no Pod at all."""
        node = self.latest.get("spec", {}).get("nodeName")
        mine = {"pod": self.name, "pod_uid": self.uid, "node": node}
        return [
            gap
            for gap in self.recorder
            if gap.get("event") == "gap"
            and all(gap.get(key, of) == of for key, of in mine.items())
            and self.uid in gap.get("about", (self.uid,))
        ]

    def role_of(self) -> dict[str, tuple[str, RawObject]]:
        """Container name -> role and spec, in the order of lanes."""
        found: dict[str, tuple[str, RawObject]] = {}
        for item in self.seen:
            for key, container in roles.every_container(item.pod):
                found[container["name"]] = (roles.role(key, container), container)
        order = {"init": 0, "sidecar": 0, "app": 1, "ephemeral": 2}
        return dict(sorted(found.items(), key=lambda pair: order[pair[1][0]]))


def gather(
    header: Mapping[str, Any] | None, observations: Iterable[Mapping[str, Any]], pod: str | None = None
) -> Facts:
    """
    Sort the observations about one Pod.

    Args:
        header: The recording's first line; may be empty.
        observations: In order of arrival, as documented in ``podlab.observe``.
        pod: Name of the Pod; None takes the first one seen.

    Raises:
        TimelineError: No observation is about that Pod.
    """
    items = [o for o in observations if isinstance(o, Mapping)]
    facts = Facts(header or {})
    names = list(dict.fromkeys(_pod_names(items)))
    if pod is None and names:
        pod = _first_name(facts.header, names)
    if pod not in names:
        hint = f"seen were: {', '.join(names)}" if names else "record from before the Pod is applied"
        raise TimelineError(f"the recording holds no Pod {pod or ''}".rstrip(), hint=hint)
    facts.name = str(pod)
    facts.uid = _uid(items, facts)
    for item in items:
        try:
            _file(facts, item)
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            facts.notes.append(f"an observation could not be read and was left out: {e!r}")
    facts.emissions = _unrepeated(facts.emissions)
    facts.seen = _ordered(facts)
    if not facts.seen:
        raise TimelineError(f"no state of Pod {pod} could be read", cause="; ".join(facts.notes[:3]) or None)
    return facts


CLOCKS = ("status", "arrival", "events", "logs", "node")
"""Names of the clocks that a timeline can be told to believe."""


def heard(
    observations: Iterable[Mapping[str, Any]], clocks: Collection[str] | None
) -> Iterable[Mapping[str, Any]]:
    """
    Return the observations that some of the clocks made; None: all.

    Without ``arrival`` the recorder's own acts are left out: nothing then bounds its clock, so arrivals are not used.
    """
    if clocks is None:
        return observations
    unknown = set(clocks) - set(CLOCKS)
    if unknown:
        raise TimelineError(f"unknown clock {sorted(unknown)[0]}", hint=f"clocks are {', '.join(CLOCKS)}")
    return [o for o in observations if not isinstance(o, Mapping) or _clock_of(o) in {None, *clocks}]


def _clock_of(item: Mapping[str, Any]) -> str | None:
    source = item.get("source")
    if source == "recorder":
        if item.get("event") == "over":
            return "logs"
        return "arrival" if item.get("event") in ("apply", "delete", "step", "clock") else None
    if source in ("log", "node"):
        return "logs" if source == "log" else "node"
    return "events" if item.get("resource") == "events" else None


def pod_names(observations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return names of the Pods that a recording has seen, in order of appearance."""
    return list(dict.fromkeys(_pod_names(o for o in observations if isinstance(o, Mapping))))


def _pod_names(items: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for item in items:
        if item.get("resource") == "pods" and isinstance(item.get("object"), Mapping):
            name = (item["object"].get("metadata") or {}).get("name")
            if name:
                yield str(name)


def _first_name(header: Mapping[str, Any], names: list[str]) -> str:
    """Return the Pod of the manifest that was applied, else the first one seen."""
    manifest = header.get("manifest")
    objects = manifest if isinstance(manifest, list) else [manifest]
    for item in objects:
        if isinstance(item, Mapping) and item.get("kind") == "Pod":
            name = (item.get("metadata") or {}).get("name")
            if name in names:
                return str(name)
    return names[0]


def _uid(items: list[Mapping[str, Any]], facts: Facts) -> str:
    """Return the uid of the newest Pod of that name; an older one of the same name is another Pod."""
    uids: dict[str, str] = {}
    for item in items:
        if item.get("resource") == "pods" and isinstance(item.get("object"), Mapping):
            meta = item["object"].get("metadata") or {}
            if meta.get("name") == facts.name:
                uids[str(meta.get("uid", ""))] = str(meta.get("creationTimestamp", ""))
    if len(uids) > 1:
        facts.notes.append(f"{len(uids)} Pods were called {facts.name}; this is the newest")
    return max(uids, key=lambda uid: uids[uid])


def _file(facts: Facts, item: Mapping[str, Any]) -> None:
    source, t = item.get("source"), float(item.get("t") or 0.0)
    facts.last_t = max(facts.last_t, t)
    if source == "recorder":
        facts.recorder.append(item)
        if item.get("event") == "clock" and (at := parse_s(item["at"])) is not None:
            facts.times.append((str(item["node"]), float(item["sent_t"]), at + float(item["within_s"])))
        if item.get("event") == "over" and _is_of(facts, item):
            facts.over.setdefault((str(item["container"]), int(item["restart"])), t)
    elif source in ("watch", "list"):
        _file_object(facts, item, t)
    elif source == "log" and _is_of(facts, item):
        _file_line(facts, item, t)
    elif source == "node" and str(item.get("pod_uid") or facts.uid) == facts.uid:
        facts.node.append(item)


def _is_of(facts: Facts, item: Mapping[str, Any]) -> bool:
    """Return whether something is about this Pod, and not about an earlier one of the same name."""
    return item.get("pod") == facts.name and str(item.get("pod_uid") or facts.uid) == facts.uid


def _file_object(facts: Facts, item: Mapping[str, Any], t: float) -> None:
    raw = item["object"]
    kind = "LISTED" if item["source"] == "list" else str(item.get("type") or "MODIFIED")
    if item.get("resource") == "pods":
        meta = raw["metadata"]
        if meta["name"] == facts.name and str(meta.get("uid", "")) == facts.uid:
            facts.seen.append(Seen(t, kind, raw))
    elif item.get("resource") == "events" and kind != "DELETED":
        about = raw.get("involvedObject") or raw.get("regarding") or {}
        if about.get("name") == facts.name and about.get("uid") in (facts.uid, None, ""):
            facts.emissions += emissions(raw, about, t)


def _file_line(facts: Facts, item: Mapping[str, Any], t: float) -> None:
    at = parse_s(item.get("at"))
    if at is None:
        return
    container, restart, line = (
        str(item["container"]),
        int(item.get("restart") or 0),
        str(item.get("line") or ""),
    )
    lines = facts.logs.setdefault((container, restart), LogLines(at, at))
    lines.first, lines.last, lines.lines = min(lines.first, at), max(lines.last, at), lines.lines + 1
    lines.last_arrived = max(lines.last_arrived, t)
    if line.startswith("{") and "signal" in line:
        facts.said.append((container, restart, at, line))


def emissions(raw: RawObject, about: Mapping[str, Any], t: float) -> list[Emission]:
    """
    Return the one or two moments that an Event object tells of: its first emission and its latest.

    The name of an Event made by client-go ends in the nanosecond of its first emission, in hexadecimal. That
    is used only when it agrees with ``firstTimestamp``; other writers choose names as they like.
    """
    path = str(about.get("fieldPath") or "")
    container = path[path.index("{") + 1 : -1] if path.endswith("}") and "{" in path else ""
    series = raw.get("series") or {}
    count = int(raw.get("count") or series.get("count") or 1)
    source = raw.get("source") or raw.get("deprecatedSource") or {}
    common: dict[str, Any] = {
        "reason": str(raw.get("reason") or ""),
        "container": container,
        "component": str(source.get("component") or raw.get("reportingComponent") or ""),
        "message": str(raw.get("message") or raw.get("note") or ""),
        "warning": raw.get("type") == "Warning",
        "arrived": t,
    }
    first = _first(raw)
    stored = parse_s((raw.get("metadata") or {}).get("creationTimestamp"))
    last = _stamp(series.get("lastObservedTime")) or _stamp(raw.get("lastTimestamp")) or first
    found = []
    if first:
        found.append(
            Emission(
                **common, lo=first[0], hi=first[1], exact=first[1] - first[0] < 0.5, count=1, stored=stored
            )
        )
    if last and count > 1:
        found.append(Emission(**common, lo=last[0], hi=last[1], exact=last[1] - last[0] < 0.5, count=count))
    return found


def _first(raw: RawObject) -> tuple[float, float] | None:
    """When the Event was first emitted: from eventTime, its name, or its whole seconds."""
    exact = _stamp(raw.get("eventTime"))
    if exact:
        return exact
    first = raw.get("firstTimestamp") or (raw.get("metadata") or {}).get("creationTimestamp")
    whole = parse_ns(first)
    if whole is None:
        return None
    suffix = str((raw.get("metadata") or {}).get("name", "")).rpartition(".")[2]
    try:
        ns = int(suffix, 16)
    except ValueError:
        ns = 0
    if raw.get("firstTimestamp") and len(suffix) >= 15 and ns // 10**9 == whole // 10**9:
        return ns / 1e9, ns / 1e9
    return _stamp(first)


def _stamp(text: str | None) -> tuple[float, float] | None:
    value = parse_s(text)
    return None if value is None or text is None else (value, value + precision_s(text))


def _unrepeated(emissions: Iterable[Emission]) -> list[Emission]:
    """Each emission once, with its earliest arrival: every WatchEvent of an Event tells of the first one again."""
    found: dict[tuple[Any, ...], Emission] = {}
    for item in emissions:
        key = (item.reason, item.container, item.message, item.lo, item.hi, item.count)
        if key not in found or item.arrived < found[key].arrived:
            found[key] = item
    return list(found.values())


def _ordered(facts: Facts) -> list[Seen]:
    """
    Return the Pod's states by resourceVersion, without repetition; in order of arrival where versions are not
    numbers.
    """
    versions = [str(s.pod["metadata"].get("resourceVersion", "")) for s in facts.seen]
    if not all(v.isdigit() for v in versions):
        return facts.seen
    unique: dict[int, Seen] = {}
    repeated = reordered = 0
    newest = -1
    for version, item in zip(map(int, versions), facts.seen, strict=True):
        reordered += version < newest
        newest = max(newest, version)
        if version in unique and unique[version].type != "DELETED" and item.type != "DELETED":
            repeated += 1
            continue
        unique[version] = item
    if repeated:
        facts.notes.append(f"{repeated} states of the Pod arrived again and were counted once")
    if reordered:
        facts.notes.append(f"{reordered} states of the Pod arrived out of order and were put in order")
    return [unique[v] for v in sorted(unique)]
