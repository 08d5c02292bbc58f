"""A student in front of a JupyterHub, over HTTP as a browser speaks it: forms, cookies, and a kernel's WebSocket."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urlsplit

import websocket

STEP_S = 300.0


class Visitor:
    """
    One browser's worth of cookies, and what is done with them.

    Args:
        hub: The hub's address, such as ``http://127.0.0.1:8000``.
        account: Who logs in.
    """

    def __init__(self, hub: str, account: str) -> None:
        self.hub, self.account = hub, account
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )
        self._kernel = ""  # the address of its WebSocket

    # -- pages ----------------------------------------------------------------------------------------------

    def open(self, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Page:
        """Follow *path* to where its redirects end; an answer of 400 and above is a page as well."""
        request = urllib.request.Request(self.hub + path, data, dict(headers or {}))
        try:
            with self._opener.open(request, timeout=STEP_S) as answer:
                return Page(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, error.url, error.read().decode(errors="replace"))

    def log_in(self, password: str) -> Page:
        """Fill in the form of the hub's page; the page that comes then."""
        form = self.open("/hub/login")
        token = re.search(r'name="_xsrf"\s+value="([^"]+)"', form.text)
        assert token is not None, form.text
        fields = {"username": self.account, "password": password, "_xsrf": token[1]}
        return self.open("/hub/login?next=%2Fhub%2Fhome", urlencode(fields).encode())

    def start_server(self) -> None:
        """Ask for the own server and wait until it answers."""
        page = self.open("/hub/spawn")
        assert page.status == 200, page
        end = time.monotonic() + STEP_S
        while not self._in_the_own_server(self.open(f"/user/{self.account}/lab")):
            assert time.monotonic() < end, f"the server of {self.account} did not start"
            time.sleep(0.2)

    def stop_server(self) -> None:
        """Stop the own server, as the button on the hub's page does; the cluster has ended when this returns."""
        path = f"/hub/api/users/{self.account}/server"
        end = time.monotonic() + STEP_S
        while (code := self._delete(path)) != 204:  # 202: still stopping
            assert code in (202, 400) and time.monotonic() < end, f"{path}: {code}"
            if code == 400 and not self._me()["server"]:
                return
            time.sleep(0.2)

    # -- a kernel -------------------------------------------------------------------------------------------

    def run(self, code: str) -> str:
        """Run *code* in the kernel of this visitor and return what it printed. Raises AssertionError if it raised."""
        self._kernel = self._kernel or self._start_kernel()
        number = uuid.uuid4().hex
        # Anew each time: a connection that nobody reads answers no ping, and the server ends it.
        channels = self.connect(self._kernel)
        try:
            channels.send(json.dumps(execute_request(number, code)))
            return "".join(printed(channels, number))
        finally:
            channels.close()

    def _start_kernel(self) -> str:
        base = f"/user/{self.account}/api/kernels"
        made = self.open(base, b"{}", {"X-XSRFToken": self._cookie("_xsrf", f"/user/{self.account}/")})
        assert made.status == 201, made
        return f"ws://{urlsplit(self.hub).netloc}{base}/{json.loads(made.text)['id']}/channels"

    def connect(self, address: str) -> websocket.WebSocket:
        """Open a WebSocket with the cookies of this visitor. Raises WebSocketBadStatusException when refused."""
        path = urlsplit(address).path
        fitting = [f"{c.name}={c.value}" for c in self.cookies if path.startswith(c.path)]
        return websocket.create_connection(
            address, timeout=STEP_S, cookie="; ".join(fitting), origin=self.hub, http_no_proxy=["127.0.0.1"]
        )

    # -- small things ---------------------------------------------------------------------------------------

    def _cookie(self, name: str, path: str) -> str:
        found = [c.value for c in self.cookies if c.name == name and c.path == path]
        assert found and found[0], f"no cookie {name} for {path}: {list(self.cookies)}"
        return found[0]

    def _in_the_own_server(self, page: Page) -> bool:
        """Whether the page is the server's, not the hub's while it starts; the way there is the login to the server."""
        return page.status == 200 and urlsplit(page.url).path.startswith(f"/user/{self.account}/")

    def _me(self) -> dict[str, Any]:
        return dict(json.loads(self.open("/hub/api/user").text))

    def _delete(self, path: str) -> int:
        headers = {"X-XSRFToken": self._cookie("_xsrf", "/hub/"), "Referer": f"{self.hub}/hub/home"}
        request = urllib.request.Request(self.hub + path, headers=headers, method="DELETE")
        try:
            with self._opener.open(request, timeout=STEP_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


class Page:
    """An answer: its status, where the redirects ended, its text."""

    def __init__(self, status: int, url: str, text: str) -> None:
        self.status, self.url, self.text = status, url, text

    def __repr__(self) -> str:
        return f"{self.status} {self.url}\n{self.text[:2000]}"


def printed(channels: websocket.WebSocket, number: str) -> list[str]:
    """What a cell printed until its kernel was idle again. Raises AssertionError if the cell raised."""
    lines: list[str] = []
    while True:
        message = json.loads(channels.recv())
        content, kind = message["content"], message["msg_type"]
        if message["parent_header"].get("msg_id") != number:
            continue
        if kind == "stream":
            lines.append(content["text"])
        assert kind != "error", "\n".join([*lines, *content["traceback"]])
        if kind == "status" and content["execution_state"] == "idle":
            return lines


def execute_request(number: str, code: str) -> dict[str, Any]:
    """A message of Jupyter's protocol that runs *code*."""
    header = {
        "msg_id": number,
        "msg_type": "execute_request",
        "session": "test",
        "username": "",
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "stop_on_error": True,
        "allow_stdin": False,
    }
    return {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "content": content}
