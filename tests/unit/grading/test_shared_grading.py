"""What gradings share: a budget and one watch, and what is left of it where the account may not watch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from podlab.client import Client, Kubeconfig
from podlab.client.budget import Budget
from podlab.drivers.embedded import REDUCED
from podlab.grading import Place
from podlab.grading.delays import BEARABLE_S, SLOW_S
from podlab.grading.sharing import once, together

Served = Callable[..., Client]


@pytest.fixture
def served() -> Iterator[Served]:
    """Start an API server that lists nodes, and lets or does not let the account watch all namespaces."""
    servers: list[ThreadingHTTPServer] = []
    over = threading.Event()

    def start(*, watch: bool, annotations: dict[str, str] | None = None) -> Client:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/version":
                    self.reply(200, {"gitVersion": "v1.36.3"})
                elif path == "/api/v1/nodes":
                    metadata = {"name": "a", "annotations": annotations or {}}
                    self.reply(200, {"items": [{"metadata": metadata}]})
                elif path in ("/api/v1/pods", "/api/v1/events") and watch:
                    if "watch=true" in self.path:
                        self.send_response(200)
                        self.end_headers()
                        over.wait()
                    else:
                        self.reply(
                            200, {"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": []}
                        )
                elif path in ("/api/v1/pods", "/api/v1/events"):
                    self.reply(403, {"kind": "Status", "code": 403, "message": "pods is forbidden"})
                else:
                    self.reply(404, {"kind": "Status", "code": 404, "message": "not found"})

            def reply(self, code: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: Any) -> None:
                """Print nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{servers[-1].server_port}"
        return Client(Kubeconfig(url, "school", "lab", {"server": url}, {}))

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def test_all_gradings_get_one_client_one_budget_and_one_watch(served: Served) -> None:
    """The budget counts the requests of the watch, too."""
    budget = Budget(1000, 1000)
    with together(Place(served(watch=True)), budget) as place:
        assert place.client is not None
        assert place.client.budget is budget
        assert place.shared is not None
        assert place.shared.client is place.client
        assert budget.taken >= 5


def test_who_may_not_watch_all_namespaces_grades_within_the_budget_all_the_same(served: Served) -> None:
    """A school may give rights in some namespaces only."""
    budget = Budget(1000, 1000)
    with together(Place(served(watch=False)), budget) as place:
        assert place.client is not None
        assert (place.shared, place.client.budget) == (None, budget)


def test_in_the_reduced_mode_each_answer_is_left_open_by_itself(served: Served) -> None:
    """The refusal is a matter of each grade: it must not end the run."""
    with together(Place(served(watch=True, annotations={REDUCED: "no volumes"}))) as place:
        assert place.shared is None


def test_nothing_is_shared_where_there_is_no_cluster() -> None:
    with together(Place(client=None)) as place:
        assert place == Place(client=None)


def test_an_answer_that_is_run_once_is_left_open_on_a_very_late_cluster_alone(served: Served) -> None:
    """A second run would tell a delay of a second from the answer's own doing; here is none."""
    with once(Place(served(watch=True))) as place:
        assert place.monitor is not None
        assert place.counted_s(SLOW_S) == 0
        assert place.counted_s(BEARABLE_S) == BEARABLE_S
    with once(Place(None)) as nowhere:
        assert nowhere.monitor is None
