"""A single-node Kubernetes in pure Python, for machines without Docker: a teaching node, not a product cluster."""
