"""
The parts of a service mesh in a Pod, and a small mesh of the lab's own.

    identity     an authority that gives each service account a certificate
"""

from podlab.mesh.identity import Authority, spiffe

__all__ = ["Authority", "spiffe"]
