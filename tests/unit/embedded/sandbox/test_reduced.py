"""The reduced mode: what it does, and that it says what it cannot."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from sandbox_bench import Bench, on_node

from podlab.embedded.runtime import Mount, RuntimeFault


@pytest.fixture(autouse=True)
def _reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODLAB_SANDBOX", "reduced")


def test_order_exit_codes_logs_and_exec_work() -> None:
    async def scenario(bench: Bench) -> None:
        assert "143 here" in bench.runtime.node.reduced or "(143)" in bench.runtime.node.reduced
        pod = await bench.pod()
        assert await bench.run(pod, "echo out; exit 3") == (3, ["out"])
        identity = await bench.start(pod, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
        await bench.said(pod, identity, "ready")
        result = await bench.runtime.exec_sync(identity, ["sh", "-c", "echo in; exit 4"], 5)
        assert (result.exit_code, result.stdout) == (4, b"in\n")
        await bench.runtime.stop_container(identity, 10)
        assert bench.record(pod, identity).exit_code == 7
        with pytest.raises(RuntimeFault, match="executable file not found"):
            await bench.start(pod, ["frobnicate"])

    on_node(scenario)


def test_volumes_are_refused_in_words() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        with pytest.raises(RuntimeFault, match="reduced mode cannot mount /v"):
            await bench.start(pod, "true", mounts=(Mount(str(bench.folder), "/v"),))

    on_node(scenario)


def test_a_server_is_reached_at_the_pods_address() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod()
        await bench.start(pod, "while true; do echo hello | nc -l -p 18473; done")
        limit = time.monotonic() + 10
        while True:
            try:
                os.close(await bench.runtime.node_connect(pod.ip, 18473, 1))
                break
            except ConnectionRefusedError:
                assert time.monotonic() < limit
                await asyncio.sleep(0.05)

    on_node(scenario)


def test_nothing_runs_after_close() -> None:
    found: list[str] = []

    async def scenario(bench: Bench) -> None:
        found.append(str(bench.folder))
        pod = await bench.pod()
        await bench.start(pod, "sleep 765 & sleep 765")

    on_node(scenario)
    left = os.popen("ps -eo args 2>/dev/null | grep -c '[s]leep 765'").read().strip()
    assert left in ("0", "")


def test_a_machine_without_linux_gets_the_reduced_mode_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.delenv("PODLAB_SANDBOX")

    async def scenario(bench: Bench) -> None:
        assert bench.runtime.node.reduced.startswith("darwin has no Linux namespaces")
        pod = await bench.pod()
        assert await bench.run(pod, "echo out; exit 3") == (3, ["out"])

    on_node(scenario)
