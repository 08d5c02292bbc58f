"""Which lines of a log a client gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asgi import HOST

from podlab.embedded.api.http.request import Request
from podlab.embedded.api.verbs.logs import LogReader, PodLogOptions
from podlab.embedded.fault import StatusError
from podlab.embedded.kubelet.podfiles import log_tail
from podlab.embedded.sandbox.logfiles import LogFile


def options(query: str = "") -> PodLogOptions:
    """What a request for the log of Pod p asks for."""
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/api/v1/namespaces/lab/pods/p/log", "query_string": query.encode(),
        "headers": [(b"host", HOST.encode())],
    }  # fmt: skip
    return PodLogOptions(Request(scope, None, None))  # type: ignore[arg-type]


HEAD = 'PodLogOptions "p" is invalid: '


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("tailLines=-1", HEAD + "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes=0", HEAD + "limitBytes: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds=0", HEAD + "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("tailLines=-1&limitBytes=0", HEAD + "[tailLines: Invalid value: -1: must be greater than or equal to 0, "
                                             "limitBytes: Invalid value: 0: must be greater than 0]"),
        ("sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z",
         HEAD + "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"),
        ("stream=Stdout", HEAD + "stream: Forbidden: may not be specified"),
        ("tailLines=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("tailLines=" + "9" * 30, f'strconv.ParseInt: parsing "{"9" * 30}": value out of range'),
        ("sinceTime=today", 'parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"'),
    ],
)  # fmt: skip
def test_options_that_cannot_be_had_are_refused_in_upstreams_words(query: str, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        options(query)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "instant", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z", "2026-01-02T05:04:05%2B02:00"]
)
def test_a_time_is_one_instant_however_it_is_written(instant: str) -> None:
    """What was written in the same second is newer than the second."""
    assert options(f"sinceTime={instant}").since == "2026-01-02T03:04:05.000000000Z"


def test_a_followed_log_goes_on_in_the_file_that_took_its_place(tmp_path: Path) -> None:
    """A container's log is cut when it grows too long; who follows it misses no line."""
    log = LogFile(str(tmp_path / "0.log"), max_bytes=400)
    reader = LogReader(str(tmp_path / "0.log"), options())
    seen: list[bytes] = []
    for number in range(40):
        log.write(b"stdout", [(b"F", b"line %d" % number)])
        if number % 5 == 4:
            seen += [reader.show(raw) for raw in reader.lines()]
    log.close()
    reader.file.close()

    assert (tmp_path / "0.log.1").exists()
    assert seen == [b"line %d\n" % number for number in range(40)]


@pytest.mark.parametrize(("query", "first"), [("", 0), ("tailLines=25", 15)])
def test_both_parts_of_a_log_that_grew_too_long_are_read(tmp_path: Path, query: str, first: int) -> None:
    """The newer part alone begins in the middle of what the container wrote."""
    log = LogFile(str(tmp_path / "0.log"), max_bytes=1500)
    for number in range(40):
        log.write(b"stdout", [(b"F", b"line %d" % number)])
    log.close()
    newer = (tmp_path / "0.log").read_bytes().count(b"\n")
    assert 0 < newer < 25

    reader = LogReader(str(tmp_path / "0.log"), options(query))
    assert [reader.show(raw) for raw in reader.first()] == [b"line %d\n" % n for n in range(first, 40)]
    reader.file.close()
    assert log_tail(str(tmp_path / "0.log")) == "".join(f"line {n}\n" for n in range(40))
