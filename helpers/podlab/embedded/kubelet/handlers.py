"""The action of a probe or a hook: run a command, ask over HTTP, TCP or gRPC, or sleep."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any, NamedTuple, Protocol

from podlab.embedded.kubelet import grpchealth, httpget
from podlab.embedded.kubelet.expansion import TextLimit, TooLongError, expand, lenient
from podlab.embedded.lifecycle import spec
from podlab.embedded.runtime import Runtime, RuntimeFault
from podlab.pods.raw import RawObject

OUTPUT_BYTES = 10 << 10
EXEC_FAILED = "rpc error: code = Unknown desc = failed to exec in container: "


class Outcome(NamedTuple):
    """How one probe went; ``warning`` marks a success that a learner should hear of."""

    passed: bool
    output: str = ""
    warning: bool = False


class ProbeError(Exception):
    """The probe itself could not be made: nothing is known of the container."""


class HookError(Exception):
    """A lifecycle hook failed; the text is the kubelet's."""


class Handlers(Protocol):
    """Runs probes and hooks: on processes, or from a script."""

    async def probe(
        self, pod: RawObject, container: RawObject, kind: str, container_id: str, address: str
    ) -> Outcome:
        """Make one probe (``kind`` is startup, liveness or readiness). Raises ProbeError."""

    async def hook(
        self, pod: RawObject, container: RawObject, kind: str, container_id: str, address: str
    ) -> str:
        """Run ``postStart`` or ``preStop`` to its end, and return the text of a warning, or "". Raises HookError."""


class RuntimeHandlers:
    """Probes and hooks of real processes."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def probe(
        self, pod: RawObject, container: RawObject, kind: str, container_id: str, address: str
    ) -> Outcome:
        """One probe, within its timeout."""
        probe = container[f"{kind}Probe"]
        timeout_s = float(probe.get("timeoutSeconds") or 1)
        if "exec" in probe:
            return await self._exec_probe(
                container, probe["exec"].get("command") or (), container_id, timeout_s
            )
        if "httpGet" in probe:
            return await self._http_probe(container, probe["httpGet"], address, timeout_s)
        if "tcpSocket" in probe:
            return await self._tcp_probe(container, probe["tcpSocket"], address, timeout_s)
        if "grpc" in probe:
            return await self._grpc_probe(probe["grpc"], address, timeout_s)
        raise ProbeError("missing probe handler")

    async def _exec_probe(
        self, container: RawObject, command: Any, container_id: str, timeout_s: float
    ) -> Outcome:
        # Only values that stand in the manifest are known to probe commands: valueFrom counts as empty.
        table = {e["name"]: e.get("value") or "" for e in container.get("env") or ()}
        try:
            room = TextLimit()
            words = [room.take(expand(w, lenient(table))) for w in command]
            result = await self._runtime.exec_sync(container_id, words, timeout_s)
        except TooLongError as error:
            raise ProbeError(str(error)) from error
        except RuntimeFault as error:
            raise ProbeError(error.message) from error
        if result.start_error:  # nothing ran, so nothing is known of the container
            raise ProbeError(EXEC_FAILED + result.start_error)
        if result.timed_out:
            return Outcome(False, f'command timed out: "{" ".join(words)}" timed out after {timeout_s:g}s')
        output = (result.stdout + result.stderr)[:OUTPUT_BYTES].decode("utf-8", "replace")
        return Outcome(result.exit_code == 0, output)

    async def _http_probe(
        self, container: RawObject, action: RawObject, address: str, timeout_s: float
    ) -> Outcome:
        url = http_url(container, action, address)
        try:
            answer = await httpget.get(self._runtime, url, _headers(action), timeout_s)
        except httpget.GetError as error:
            return Outcome(False, str(error))
        body = answer.body.decode("utf-8", "replace")
        if not 200 <= answer.status < 400:
            return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}")
        if answer.status >= 300:
            return Outcome(True, f"Probe terminated redirects, Response body: {body}", warning=True)
        return Outcome(True, body)

    async def _tcp_probe(
        self, container: RawObject, action: RawObject, address: str, timeout_s: float
    ) -> Outcome:
        host, port = action.get("host") or address, port_of(container, action["port"])
        try:
            async with asyncio.timeout(timeout_s + 0.2):
                os.close(await self._runtime.node_connect(host, port, timeout_s))
        except ConnectionRefusedError:
            return Outcome(False, f"dial tcp {host}:{port}: connect: connection refused")
        except TimeoutError:
            return Outcome(False, f"dial tcp {host}:{port}: i/o timeout")
        except OSError as error:
            return Outcome(
                False, f"dial tcp {host}:{port}: connect: {(error.strerror or str(error)).lower()}"
            )
        return Outcome(True)

    async def _grpc_probe(self, action: RawObject, address: str, timeout_s: float) -> Outcome:
        try:
            service = action.get("service") or ""
            await grpchealth.check(self._runtime, address, int(action["port"]), service, timeout_s)
        except grpchealth.HealthError as error:
            return Outcome(False, str(error))
        return Outcome(True)

    async def hook(
        self, pod: RawObject, container: RawObject, kind: str, container_id: str, address: str
    ) -> str:
        """Run a hook to its end; it has no timeout of its own."""
        handler = container["lifecycle"][kind]
        if "exec" in handler:
            await self._exec_hook(pod, container, handler["exec"].get("command") or (), container_id)
        elif "httpGet" in handler:
            return await self._http_hook(pod, container, handler["httpGet"], address)
        elif "sleep" in handler:
            await asyncio.sleep(float(handler["sleep"].get("seconds") or 0))
        else:  # the API accepts tcpSocket for the sake of old manifests, and no kubelet can run it
            raise HookError(f"Cannot run handler: invalid handler: {_go_handler(handler)}")
        return ""

    async def _exec_hook(self, pod: RawObject, container: RawObject, command: Any, container_id: str) -> None:
        where = f'for Container "{container["name"]}" in Pod "{spec.full_name(pod)}" failed - error: '
        head = f"Exec lifecycle hook ([{' '.join(command)}]) {where}"
        try:
            result = await self._runtime.exec_sync(container_id, list(command), None)
        except RuntimeFault as error:
            raise HookError(f'{head}{error.message}, message: ""') from error
        if result.start_error:
            raise HookError(f'{head}{EXEC_FAILED}{result.start_error}, message: ""')
        if result.exit_code != 0:
            said = result.stderr.decode("utf-8", "replace")
            why = f"command '{' '.join(command)}' exited with {result.exit_code}: {said}"
            output = (result.stdout + result.stderr).decode("utf-8", "replace")
            raise HookError(f"{head}{why}, message: {json.dumps(output, ensure_ascii=False)}")

    async def _http_hook(self, pod: RawObject, container: RawObject, action: RawObject, address: str) -> str:
        url = http_url(container, action, address)
        try:
            agent = httpget.HOOK_AGENT
            await httpget.get(self._runtime, url, _headers(action), 30, follow=False, agent=agent)
        except httpget.GetError as error:
            if error.plain:
                plain = {**action, "scheme": "HTTP"}
                await self._http_hook(pod, container, plain, address)
                host = url.split("/")[2]
                return f"request to HTTPS lifecycle hook {host} got HTTP response, retry with HTTP succeeded"
            text = f'HTTP lifecycle hook ({action.get("path") or "/"}) for Container "{container["name"]}"'
            raise HookError(f'{text} in Pod "{spec.full_name(pod)}" failed - error: {error}') from error
        return ""


def http_url(container: RawObject, action: RawObject, address: str) -> str:
    """Return the address that an httpGet means; the host defaults to the Pod's."""
    scheme = (action.get("scheme") or "HTTP").lower()
    host, port = action.get("host") or address, port_of(container, action["port"])
    path = action.get("path") or "/"
    return f"{scheme}://{host}:{port}{path if path.startswith('/') else '/' + path}"


def port_of(container: RawObject, port: int | str) -> int:
    """Return a port by number or by its name in the container. Raises ProbeError."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    raise ProbeError(f'strconv.Atoi: parsing "{port}": invalid syntax')


def _go_handler(handler: RawObject) -> str:
    """Return a hook over TCP as Go prints it."""
    action = handler.get("tcpSocket") or {}
    port = action.get("port", 0)
    shown = f"{{0 {port} }}" if isinstance(port, int) else f"{{1 0 {port}}}"
    socket = f"&TCPSocketAction{{Port:{shown},Host:{action.get('host') or ''},}}"
    return f"&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}"


def _headers(action: RawObject) -> dict[str, str]:
    return {h["name"]: h["value"] for h in action.get("httpHeaders") or ()}
