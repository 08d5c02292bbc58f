"""
The rules of the kubelet for one Pod, as pure functions: no clock, no process.

In reading order; names are upstream's, in snake case (computePodActions is ``compute_pod_actions``):

    view           PodView: the sandboxes and containers that the runtime shows
    actions        compute_pod_actions: what to start, kill and recreate
    initialising   compute_init_container_actions: regular init containers and sidecars, in their order
    restartall     the action RestartAllContainers of restart rules
    podstatus      generate_api_pod_status and merge_pod_status; its parts:
                   containers (states), phase (get_phase), conditions
    termination    grace periods, and in which order containers stop
    spec           restart policies
    backoff        waits between restarts;  probes: results that count

They follow kubelet v1.36.3, rule by rule. Pulling images, mounting volumes and running hooks belong to
``podlab.embedded.kubelet``, on the wall clock as on a simulated one.
"""
