"""
The client itself: one method per verb of the API, raw dicts in and out.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podlab.client import resources
from podlab.client.kubeconfig import Kubeconfig
from podlab.client.types import ExecOutput, Resource
from podlab.errors import ApiError, ConflictError, DriverError, NotFoundError
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from podlab.client.budget import Budget
    from podlab.client.transport import Transport

READ_TIMEOUT_S = 30.0
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"  # what kubectl get asks for
_LOG_TYPES = "text/plain, */*"  # the kubelet answers logs as plain text and refuses application/json alone


class Client:
    """
    The API server of one kubeconfig context; safe to share between threads.

    Keyword parameters of each verb become the query: ``get(path, labelSelector="app=web")``. All verbs raise
    the ``ApiError`` family for refusals and ``ConnectionLostError`` where no answer came.
    """

    def __init__(
        self, config: Kubeconfig, budget: Budget | None = None, reload: Callable[[], Kubeconfig] | None = None
    ) -> None:
        self.config, self.budget, self._reload = config, budget, reload
        self._rereading = threading.Lock()
        self.namespace, self.context = config.namespace, config.context
        self._discovered: dict[str, RawObject] = {}  # path of an API group version -> its resources

    @cached_property
    def transport(self) -> Transport:
        """Connections and credentials; ssl and urllib3 are loaded here, with the first request."""
        from podlab.client.transport import Transport

        return Transport(self.config, self.budget)

    @property
    def server(self) -> str:
        """Address of the API server."""
        return self.config.server

    @classmethod
    def from_kubeconfig(cls, path: Path | None = None, context: str | None = None) -> Client:
        """Return a client for *context* of *path* (default: ``$KUBECONFIG``, then ``~/.kube/config``)."""
        config = Kubeconfig.load(path, context)
        return cls(config, reload=lambda: Kubeconfig.load(path, config.context))

    def reread(self) -> bool:
        """
        Read the kubeconfig again, as it is after its cluster was made anew under the same name.

        Returns:
            Whether it names another server, or other credentials: requests go there from now on. False where it does
            not, where it cannot be read now, and for a client that was made of no file.
        """
        if self._reload is None:
            return False
        with self._rereading:
            try:
                config = self._reload()
            except DriverError:
                return False
            if (config.server, config.cluster, config.user) == (
                self.config.server, self.config.cluster, self.config.user
            ):  # fmt: skip
                return False
            self.config, self._discovered = config, {}
            # The next request makes another transport; those under way end with the former.
            self.__dict__.pop("transport", None)
            return True

    def within(self, budget: Budget) -> Client:
        """Return a client of the same server whose requests wait for their turn in *budget*."""
        return Client(self.config, budget, self._reload)

    def spare(self) -> bool:
        """Return whether a question that nothing depends on may be asked now; always, without a budget."""
        return self.budget is None or self.budget.spare()

    def __repr__(self) -> str:
        return f"Client({self.server!r}, context={self.context!r})"

    # -- objects ------------------------------------------------------------------------------------------

    def get(self, path: str, *, timeout_s: float = READ_TIMEOUT_S, **params: Any) -> RawObject:
        """Return the object or list at *path*, such as ``/api/v1/namespaces/x/pods``."""
        return self._object("GET", path, params, timeout_s=timeout_s)

    def find(self, path: str, *, timeout_s: float = READ_TIMEOUT_S) -> RawObject | None:
        """Return the object at *path*; None if it does not exist."""
        try:
            return self.get(path, timeout_s=timeout_s)
        except NotFoundError:
            return None

    def create(self, path: str, body: RawObject, **params: Any) -> RawObject:
        """Create *body* in the collection at *path* and return it as stored."""
        return self._object("POST", path, params, body=body)

    def replace(self, path: str, body: RawObject, **params: Any) -> RawObject:
        """Put *body* in the place of the object at *path*."""
        return self._object("PUT", path, params, body=body)

    def patch(
        self,
        path: str,
        body: Any,
        *,
        content_type: str = "application/strategic-merge-patch+json",
        **params: Any,
    ) -> RawObject:
        """Change the object at *path* by *body*, in the patch language of *content_type*."""
        return self._object("PATCH", path, params, body=body, content_type=content_type)

    def delete(self, path: str, body: RawObject | None = None, **params: Any) -> RawObject:
        """Delete the object at *path*; *body* is a DeleteOptions object."""
        return self._object("DELETE", path, params, body=body)

    def remove(self, path: str, *, uid: str | None = None, grace_s: int | None = None) -> bool:
        """
        Delete the object at *path* as kubectl does: what it owns is deleted in the background.

        Args:
            uid: Delete it only if this is its uid.
            grace_s: How long its containers may take; None: as the Pod says.

        Returns:
            False if it does not exist, is being deleted already (a namespace), or has another uid.
        """
        options: RawObject = {"propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            self.delete(path, options)
        except (NotFoundError, ConflictError):
            return False
        return True

    def table(self, path: str, *, timeout_s: float = READ_TIMEOUT_S, **params: Any) -> list[RawObject]:
        """
        Return what ``kubectl get`` prints of *path*: a dict a row, its keys the column names in capitals.

        The server makes these cells, so they follow its version's rules. Columns that only ``-o wide`` shows
        are included.

        Raises:
            ApiError: The server answered without a Table.
        """
        return [cells for cells, _ in self.rows(path, timeout_s=timeout_s, **params)]

    def rows(
        self, path: str, *, timeout_s: float = READ_TIMEOUT_S, **params: Any
    ) -> list[tuple[RawObject, RawObject]]:
        """
        Return the same, each row with its object: whole with ``includeObject="Object"``, else its metadata.

        Raises:
            ApiError: The server answered without a Table.
        """
        answer = self._object("GET", path, params, accept=_TABLE, timeout_s=timeout_s)
        if answer.get("kind") != "Table":
            raise ApiError(
                f"GET {path} returned a {answer.get('kind')} instead of a Table",
                cause="the server does not print kubectl's columns for this resource",
                hint="read the object itself",
                code=200,
            )
        names = [str(column["name"]).upper() for column in answer.get("columnDefinitions") or []]
        return [
            (dict(zip(names, row["cells"], strict=True)), row.get("object") or {})
            for row in answer.get("rows") or []
        ]

    def text(self, path: str, *, timeout_s: float = READ_TIMEOUT_S, **params: Any) -> str:
        """Return what *path* answers as text, such as a container's log."""
        answer = self.transport.open("GET", path, params, accept=_LOG_TYPES, read_timeout_s=timeout_s)
        return self._body("GET", path, answer).decode("utf-8", "replace")

    # -- streams ------------------------------------------------------------------------------------------

    def stream(
        self, path: str, *, read_timeout_s: float | None = None, **params: Any
    ) -> AbstractContextManager[BaseHTTPResponse]:
        """Open *path* and yield the answer with its body unread; for readers that frame it themselves."""
        return self._stream(path, read_timeout_s, params)

    @contextmanager
    def _stream(
        self, path: str, read_timeout_s: float | None, params: dict[str, Any]
    ) -> Iterator[BaseHTTPResponse]:
        accept = _LOG_TYPES if path.endswith("/log") else "application/json"
        answer = self.transport.open("GET", path, params, accept=accept, read_timeout_s=read_timeout_s)
        try:
            yield answer
        finally:
            answer.close()  # the body has no end of its own: the connection cannot be used again

    @contextmanager
    def lines(
        self, path: str, *, read_timeout_s: float | None = None, **params: Any
    ) -> Iterator[Iterator[bytes]]:
        """
        Open *path* and yield an iterator over its lines, without their newline; for watch and followed logs.

        The iterator ends when the server ends the stream, raises ConnectionLostError where it breaks off or
        is silent for *read_timeout_s* (None: waits for ever). A half line before a break is not yielded.
        """
        with self._stream(path, read_timeout_s, params) as answer:
            yield self._split(path, answer)

    def _split(self, path: str, answer: BaseHTTPResponse) -> Iterator[bytes]:
        from podlab.client import failures

        rest = b""
        try:
            for chunk in answer.stream(65536, decode_content=False):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
        except failures.broken() as error:
            raise failures.lost(self.server, "GET", path, error) from error
        if rest:
            yield rest

    # -- inside a Pod -------------------------------------------------------------------------------------

    def exec(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str | None = None,
        stdin: bytes | None = None,
        timeout_s: float = 30,
    ) -> ExecOutput:
        """
        Run *command* in a container (default: the Pod's first) and return what it left.

        Raises:
            WaitTimeoutError: If it has not ended after *timeout_s*.
        """
        from podlab.client import streams

        return streams.run(
            self.transport, namespace, pod, command, container=container, stdin=stdin, timeout_s=timeout_s
        )

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractContextManager[int]:
        """Yield a local port whose connections reach *port* of the Pod, until the block ends."""
        from podlab.client import streams

        return streams.forward(self.transport, namespace, pod, port)

    # -- what the server is -------------------------------------------------------------------------------

    def version(self) -> str:
        """Return the server's version, such as ``v1.36.3``."""
        return str(self.get("/version").get("gitVersion", "unknown"))

    def resource(self, api_version: str, kind: str) -> Resource:
        """Return how the server names *kind*; asks it only for kinds outside of the built-in table."""
        return resources.find(api_version, kind, self.get)

    def require(self, api_version: str, kind: str) -> None:
        """
        Make sure that the server has *kind*; each apiVersion is asked for once.

        Raises:
            ManifestError: If it has not.
        """

        def get(path: str) -> RawObject:
            if path not in self._discovered:
                self._discovered[path] = self.get(path)
            return self._discovered[path]

        resources.require(api_version, kind, get)

    def path_of(self, manifest: RawObject, namespace: str | None = None, *, collection: bool = False) -> str:
        """
        Return the path of the object that *manifest* describes, or of its *collection* for a create.

        The namespace is the manifest's own, else *namespace*, else the context's.
        """
        resource = self.resource(str(manifest.get("apiVersion")), str(manifest.get("kind")))
        metadata = manifest.get("metadata") or {}
        space = metadata.get("namespace") or namespace or self.namespace
        return resource.path(space, None if collection else metadata.get("name"))

    # -- plumbing -----------------------------------------------------------------------------------------

    def _object(
        self,
        method: str,
        path: str,
        params: dict[str, Any],
        *,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout_s: float = READ_TIMEOUT_S,
    ) -> RawObject:
        answer = self.transport.open(
            method,
            path,
            params,
            body=body,
            content_type=content_type,
            accept=accept,
            read_timeout_s=timeout_s,
        )
        raw = self._body(method, path, answer)
        try:
            decoded = json.loads(raw)
        except ValueError as error:
            raise ApiError(
                f"{method} {path} returned something other than JSON",
                cause=raw[:200].decode("utf-8", "replace"),
                hint="is this the address of a Kubernetes API server?",
                code=answer.status,
            ) from error
        if not isinstance(decoded, dict):
            raise ApiError(f"{method} {path} returned no object", cause=str(decoded)[:200])
        return decoded

    def _body(self, method: str, path: str, answer: BaseHTTPResponse) -> bytes:
        from podlab.client import failures

        try:
            raw = answer.read()
        except failures.broken() as error:
            answer.close()
            raise failures.lost(self.server, method, path, error) from error
        answer.release_conn()
        return raw
