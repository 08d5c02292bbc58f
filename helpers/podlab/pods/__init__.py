"""
The reading of a Pod object, without a cluster: the ground floor, which all other packages stand on.

    raw        RawObject, the one type of API objects as the API returns them
    roles      init, sidecar, app, ephemeral: the containers of a Pod and their roles
    quantity   ``500m`` and ``64Mi``: parse, compare, write as the API server writes them
    requests   the requests and limits of a whole Pod
    phase      whether a Pod has ended, whether it is Ready
    restarts   restart policies: which one holds, and what it starts again
    status     READY, STATUS and RESTARTS, as ``kubectl get pods`` prints them
"""
