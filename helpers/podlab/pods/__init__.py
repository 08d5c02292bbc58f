"""
What follows from a Pod object alone, without a cluster: the ground that all other packages stand on.

    status    READY, STATUS and RESTARTS, as ``kubectl get pods`` prints them
"""
