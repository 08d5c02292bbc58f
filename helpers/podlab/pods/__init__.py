"""
The reading of a Pod object, without a cluster: the ground floor, which all other packages stand on.

    raw        RawObject, the one type of API objects as the API returns them
    roles      init, sidecar, app, ephemeral: the containers of a Pod and their roles
    quantity   ``500m`` and ``64Mi``: parse, compare, write as the API server writes them
    requests   the requests and limits of a whole Pod
    status     READY, STATUS and RESTARTS, as ``kubectl get pods`` prints them
"""
