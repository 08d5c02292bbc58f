"""One run of the teaching program as a real process, and small ways to ask it."""

import json
import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

DEADLINE_S = 30


class Process:
    """One run of podlab-app; its lines are read as they come."""

    def __init__(self, *arguments, command=(sys.executable, "-m", "podlab.app")):
        self.process = subprocess.Popen([*command, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
        self.lines = []

    def until(self, event):
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"ended without {event!r}: {self.lines}")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def end(self):
        self.lines += map(json.loads, self.process.stdout)
        return self.process.wait(DEADLINE_S)

    def events(self):
        return [line["event"] for line in self.lines]


@pytest.fixture
def app():
    started = []

    def start(*arguments, **options):
        started.append(Process(*arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stdout.close()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def serving(app):
    """Start a server on a free port; gives the process and its address once it listens."""

    def start(role, *arguments, ready="listening"):
        process = app(role, *arguments, "--port", 0, "--listen", "127.0.0.1")
        return process, f"http://127.0.0.1:{process.until(ready)['port']}"

    return start


@pytest.fixture
def ask():
    """Ask for a page: status, and the JSON or text of the body."""

    def get(url, body=None, **headers):
        try:
            with urlopen(Request(url, body, headers), timeout=DEADLINE_S) as answer:
                return answer.status, _parsed(answer.read())
        except HTTPError as error:
            return error.code, _parsed(error.read())

    return get


def _parsed(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()
