"""
The node's agent: it watches the Pods that are bound to its node and makes them so.

In reading order:

    kubelet      Kubelet: one worker for each Pod (upstream: kubelet.go, pod_workers.go)
    worker       PodWorker: the sync loop of one Pod (SyncPod, SyncTerminatingPod, SyncTerminatedPod)
    nodeservices NodeServices: what workers need of their node
    admithandlers  whether the node has room and a place for the Pod (canAdmitPod)
    mounting     volumes before the first container (WaitForAttachAndMount);  podvolumes: each kind of volume
    performing   carries out the actions of a sync (kuberuntimeManager.SyncPod)
    starting     one container: image, configuration, start, postStart (startContainer)
                 imagemanager: pulling, with back-off;  imagename: short names
                 container_config: the configuration for the runtime; its parts are environment, downward,
                 expansion, envfile, podfiles (logs, hosts file), unsupported (what this node cannot give)
    stopping     one container or the whole Pod: preStop, SIGTERM, SIGKILL (killContainer)
    probing      startup, liveness and readiness probes (prober.worker)
                 handlers: runs a probe or a hook;  httpget, grpchealth: two of its forms
    allocation   changes of resources in a running Pod (allocation_manager.go)
    evictionmanager  Pods that use too much disk (eviction_manager.go)
     lease: the node's heartbeat;  nodehealth: its conditions and taints
    statuswriter the status, written only where it changed (status_manager.go)
    pace         wall clock and pace: at once, or with a real kubelet's delays

What a sync does is decided by ``lifecycle``, which is pure. Everything here is asyncio on one thread; on a
simulated event loop the same code predicts what it would do.
"""
