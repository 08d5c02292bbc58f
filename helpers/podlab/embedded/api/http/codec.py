"""
Bodies in, bodies out: media types, JSON, YAML and protobuf requests, JSON and YAML answers.

YAML is read by libyaml's loader with bounds of our own before it: the loader itself neither limits nesting
nor notices a duplicate key, and its aliases share nodes that a later walk would visit again and again
(``decode`` counts those visits).
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from podlab.embedded.api.http.request import Request, Response
from podlab.embedded.fault import StatusError, bad_request, unsupported_media
from podlab.embedded.schema.decode import pairs_hook

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
ACCEPTED = (JSON, YAML, PROTOBUF)
SUMMARY_BYTES = 30
# The beginning of a message of Python's decoder -> Go's message for the same place.
SYNTAX = (
    ("Expecting property name", "looking for beginning of object key string"),
    ("Expecting ':'", "after object key"),
    ("Expecting ','", "after object key:value pair"),
    ("Extra data", "after top-level value"),
    ("Invalid control character", "in string literal"),
    ("Invalid \\", "in string escape code"),
)
META_VERSIONS = ("v1", "v1beta1")  # of the group meta.k8s.io: Tables and PartialObjectMetadata
MAX_MERGED = 100_000  # keys that the merge keys (<<) of a YAML text add
MAX_NESTING = 100  # opening brackets of a YAML text in flow style; block style nests by indentation
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def dumps(value: Any) -> bytes:
    """Compact JSON."""
    return _encode(value).encode("utf-8", "surrogatepass")


class Wanted:
    """The form that the Accept header asks for: ``form`` is "", "Table" or "PartialObjectMetadata[List]"; or YAML."""

    __slots__ = ("form", "version", "yaml")

    def __init__(self, form: str = "", *, version: str = "v1", yaml: bool = False) -> None:
        self.form, self.version, self.yaml = form, version, yaml


def negotiate(accept: str, *, streams: bool = False) -> Wanted:
    """
    Choose the first form of an Accept header that can be given.

    Raises:
        StatusError: 406, when none can.
    """
    for option in accept.split(",") if accept.strip() else ["*/*"]:
        media, *parameters = [part.strip() for part in option.split(";")]
        asked = dict(p.split("=", 1) for p in parameters if "=" in p)
        form = asked.get("as", "")
        if media in (JSON, "*/*", "application/*") and asked.get("stream", "watch") == "watch":
            if not form:
                return Wanted()
            if form in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList") and (
                asked.get("g") == "meta.k8s.io" and asked.get("v") in META_VERSIONS
            ):
                return Wanted(form, version=asked["v"])
        if media in (YAML, "text/yaml") and not form and not streams:
            return Wanted(yaml=True)
    raise not_acceptable(streams=streams)


def not_acceptable(*, streams: bool = False) -> StatusError:
    """406, with the media types that this server can answer in."""
    given = (JSON, YAML, *(("application/json;stream=watch",) if streams else ()))
    return StatusError(406, f"only the following media types are accepted: {', '.join(given)}")


def respond(value: Any, wanted: Wanted, code: int = 200) -> Response:
    """Return an answer from an object, or from bytes that are JSON already."""
    if wanted.yaml:
        import yaml

        plain = json.loads(value) if isinstance(value, bytes) else value
        return Response(yaml.safe_dump(plain, sort_keys=True).encode(), code, YAML)
    if wanted.form and wanted.version != "v1":
        text = value if isinstance(value, bytes) else dumps(value)
        older = f'"apiVersion":"meta.k8s.io/{wanted.version}"'.encode()
        return Response(text.replace(b'"apiVersion":"meta.k8s.io/v1"', older), code)
    return Response(value if isinstance(value, bytes) else dumps(value), code)


def parse_json(data: bytes) -> Any:
    """
    Parse JSON; duplicate keys are remembered on the objects that had them.

    Raises:
        StatusError: 400, with the place of the fault.
    """
    try:
        value = json.loads(data, object_pairs_hook=pairs_hook, parse_constant=_no_constant)
        if b"\\ud" in data or b"\\uD" in data:
            # Half a surrogate pair is no text; Go reads the replacement character there.
            text = _encode(value).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            value = json.loads(text)
        return value
    except RecursionError:
        raise bad_request("exceeded max depth") from None
    except json.JSONDecodeError as error:
        raise bad_request(f"json parse error: {_go_words(error)}") from None
    except ValueError as error:
        raise bad_request(f"json parse error: {error}") from None


def _go_words(error: json.JSONDecodeError) -> str:
    """Return a syntax error as Go's scanner puts it."""
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    where = next(
        (words for start, words in SYNTAX if error.msg.startswith(start)), "looking for beginning of value"
    )
    return f"invalid character {error.doc[error.pos]!r} {where}"


def _summary(data: bytes) -> str:
    """Return the beginning of a body that cannot be read: as text when it looks like an object, else in hexadecimal."""
    if not data:
        return "<empty>"
    head = data[:SUMMARY_BYTES]
    shown = head.decode("utf-8", "replace") if data.startswith(b"{") else head.hex()
    return shown + (" ..." if len(data) > SUMMARY_BYTES else "")


def _no_constant(text: str) -> Any:
    raise ValueError(f"invalid character '{text[0]}' looking for beginning of value")


def parse_yaml(data: bytes) -> Any:
    """
    Parse one YAML document.

    Raises:
        StatusError: 400, with line and column where the loader knows them.
    """
    import yaml

    if data.count(b"[") + data.count(b"{") > MAX_NESTING * 100 or _depth(data) > MAX_NESTING:
        raise bad_request("yaml: exceeded max depth")
    try:
        return yaml.load(data, Loader=_loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None and mark.line else ""
        raise bad_request(
            f"yaml: {line}{getattr(error, 'problem', None) or 'the text cannot be read'}"
        ) from None
    except (RecursionError, ValueError, OverflowError, TypeError) as error:
        raise bad_request(f"yaml: {error}") from None


@functools.cache
def _loader() -> type[Any]:
    """libyaml's loader with a bound for merge keys: each may hold the mapping before it several times."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        merged = 0

        def flatten_mapping(self, node: Any) -> None:
            for key, value in node.value:
                if key.tag != "tag:yaml.org,2002:merge":
                    continue
                for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(part, yaml.MappingNode):
                        self.flatten_mapping(part)
                        self.merged += len(part.value)
                    if self.merged > MAX_MERGED:
                        raise yaml.constructor.ConstructorError(
                            None, None, "too many merged keys", node.start_mark
                        )
            super().flatten_mapping(node)

    return Loader


def _depth(data: bytes) -> int:
    """
    Return the deepest nesting that a YAML text can have: brackets in flow style, indentation and dashes in block style.
    """
    depth = deepest = 0
    for bracket in re.finditer(rb"[\[\]{}]", data):
        depth = max(0, depth + (1 if bracket[0] in b"[{" else -1))
        deepest = max(deepest, depth)
    indents = [len(m[0]) for m in re.finditer(rb"^[ \-?:\t]+", data, re.M)]
    return max([deepest, *(indent // 2 for indent in indents)])


async def read_object(request: Request, kind: str = "") -> Any:
    """
    Return the body of a request as plain data, whatever its media type; *kind* is what errors call it.

    Raises:
        StatusError: 400 when it cannot be parsed, 415 for a media type that is not known.
    """
    media = request.headers.get("content-type", JSON).partition(";")[0].strip() or JSON
    if media not in (*ACCEPTED, "text/yaml", "*/*"):
        raise unsupported_media(ACCEPTED)
    data = await request.body()
    if media == PROTOBUF:
        from podlab.embedded.api.http.protobuf import ProtobufError, decode_unknown

        try:
            return decode_unknown(data)
        except ProtobufError as error:
            raise bad_request(f"the body cannot be read as protobuf: {error}") from None
    try:
        value = parse_yaml(data) if "yaml" in media else parse_json(data)
    except StatusError as error:
        text = str(error)
        if not kind:
            raise
        version = "" if text.startswith("yaml") else "couldn't get version/kind; "
        frame = f"the object provided is unrecognized (must be of type {kind}): {version}"
        raise bad_request(f"{frame}{text} ({_summary(data)})") from None
    return {} if value is None else value
