"""Pod sandboxes from their start to their removal: namespaces, address, files, and the containers inside."""

from __future__ import annotations

import asyncio
import os

from podlab.embedded import clock
from podlab.embedded.filetrees import remove_tree
from podlab.embedded.runtime import ContainerState, RuntimeFault, SandboxConfig, SandboxRecord
from podlab.embedded.sandbox import podaddresses, volumes_of
from podlab.embedded.sandbox.container_lifecycle import ContainerLifecycle
from podlab.embedded.sandbox.records import KnownSandbox


class SandboxLifecycle(ContainerLifecycle):
    """The runtime's Pod sandboxes."""

    def use_addresses(self, prefix: str) -> None:
        """Give Pods addresses that start with *prefix*; empty: the node's own for all."""
        self._addresses = podaddresses.AddressPool(prefix)

    async def start_sandbox(self, config: SandboxConfig) -> SandboxRecord:
        """Make namespaces and network of one Pod. Raises RuntimeFault."""
        return await self._finish(self._start_sandbox(config))

    async def _start_sandbox(self, config: SandboxConfig) -> SandboxRecord:
        identity = os.urandom(32).hex()
        ip = self.node.ip if config.host_network else self._take_address()
        self._links += 1
        request = {
            "uid": identity,
            "owner": config.pod_uid,
            "hostname": config.hostname,
            "ip": ip,
            "link": self._links,
            "host_network": config.host_network,
            "share_processes": config.share_process_namespace,
            "sysctls": dict(config.sysctls),
            "net_admin": config.net_admin,
        }
        try:
            await self.node.link.call("pod_start", request)
            volumes_of.write_pod_files(self.node.shared_files(config.pod_uid, identity), config)
        except OSError as error:
            self._addresses.give_back(ip)
            await self._quietly("pod_stop", {"uid": identity, "containers": []})
            text = f'failed to setup network for sandbox "{identity}": {error.strerror}'
            raise RuntimeFault("FailedCreatePodSandBox", text) from error
        entry = SandboxRecord(identity, config.pod_uid, config.attempt, clock.now_ns(), True, ip)
        self.records.add_sandbox(
            KnownSandbox(config, entry, f"{self.node.zygote.folder}/pods/{identity[:24]}")
        )
        self.records.events.add(config.pod_uid, "sandbox-start", entry.created_at)
        self.records.changed(config.pod_uid)
        return entry

    def _take_address(self) -> str:
        try:
            return self._addresses.take()
        except LookupError as error:
            text = f"plugin failed (add): failed to allocate for range 0: {error.args[0]}"
            raise RuntimeFault("FailedCreatePodSandBox", text) from error

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what is left in the sandbox and take its network away; idempotent."""
        sandbox = self.records.sandboxes.get(sandbox_id)
        if sandbox is not None and sandbox.record.ready:
            await self._finish(self._stop_sandbox(sandbox))

    async def _stop_sandbox(self, sandbox: KnownSandbox) -> None:
        sandbox.record = sandbox.record._replace(ready=False)
        alive = [one for one in sandbox.containers if one.record.state is ContainerState.RUNNING]
        await asyncio.gather(*(self._kill(one) for one in alive))
        await self._quietly("pod_stop", {"uid": sandbox.record.id, "containers": []})
        if sandbox.memory_volumes and not self._others_of(sandbox):
            await self._quietly("unmount", {"paths": sorted(sandbox.memory_volumes)})
        self._addresses.give_back(sandbox.record.ip)
        self.records.events.add(sandbox.record.pod_uid, "sandbox-stop", clock.now_ns())
        self.records.changed(sandbox.record.pod_uid)

    def _others_of(self, sandbox: KnownSandbox) -> bool:
        """A memory volume outlives its sandbox if the Pod gets another one."""
        same_pod = self.records.of_pod(sandbox.record.pod_uid)
        return any(one.record.ready for one in same_pod if one is not sandbox)

    async def remove_pod(self, pod_uid: str) -> None:
        """Forget all sandboxes and containers of a Pod and remove their files; idempotent."""
        for sandbox in self.records.of_pod(pod_uid):
            await self.stop_sandbox(sandbox.record.id)
        for sandbox in self.records.forget_pod(pod_uid):
            for one in sandbox.containers:
                self._forget(one)
            await asyncio.to_thread(remove_tree, sandbox.folder)
        await self._quietly("forget", {"owner": pod_uid})

    def _sandbox_lost(self, sandbox_id: str) -> None:
        """PID 1 of a shared process namespace ended, and everything in it: the kubelet makes another sandbox."""
        sandbox = self.records.sandboxes.get(sandbox_id)
        if sandbox is not None and sandbox.record.ready:
            sandbox.record = sandbox.record._replace(ready=False)
            task = asyncio.get_running_loop().create_task(self._stop_sandbox(sandbox))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
