"""
A Kubernetes of one node in pure Python, whose containers are real processes in Linux namespaces.

The way of one Pod:

    1. api             stores the Pod (see ``podlab.embedded.api``)
    2. controllers     scheduler binds it to the node; the others create and delete Pods of Deployments, Jobs, …
    3. kubelet         one worker for the Pod: each sync asks lifecycle, then acts
    4. lifecycle       pure: from the Pod, what the runtime shows and the time to actions and to the next status
    5. sandbox         the runtime: a zygote forks processes into namespaces (``runtime`` is the seam)
    6. kubelet         writes the status; the store tells every watcher

The rooms, from the ground up; a room imports only from those above it in this list:

    clock, fault, settings, addresses, filetrees    a clock that never goes back; Status errors; a daemon's settings; …
    runtime            the seam between kubelet and containers, after the CRI
    store              objects, versions, watches
    events, nodefit    Events with their counts; taints, affinity and ports of the host
    schema/            types as data: decode, default, validate
    lifecycle/         what to do about a Pod, and what its status says: pure functions
    images/            names, catalogue, archives, registries: what stands behind an image name
    sandbox/           containers as processes;  sandbox.zygote: the process that forks them
    network/           Services by nftables or a proxy; names by DNS
    toolbox/           programs for hosts that lack them; they run in containers and import nothing of podlab
    volumes            volumes on disk
    kubelet/           the node's agent
    api/               the API server
    controllers/       scheduler, Deployments, Jobs, garbage collection, …
    noderestart        Services and names of the node; makes it again when its processes have ended
    bootstrap, pki     what exists in a new cluster; its certificate and token
    cluster            one running cluster: store, API server, controllers, kubelet
    daemon             the process of a cluster

``simulate`` runs the same kubelet against scripted containers on a simulated clock.
"""
