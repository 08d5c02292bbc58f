"""
The parts of a service mesh in a Pod, and a small mesh of the lab's own.

    identity       an authority that gives each service account a certificate
    webhooks       the configuration by which an API server asks the lab's injector
    detection      which mesh put what into a Pod; signs.toml is what each is known by
    printing       that as text
"""

from podlab.mesh.detection import MeshPart, form, parts, signs
from podlab.mesh.identity import Authority, spiffe
from podlab.mesh.printing import table, text
from podlab.mesh.webhooks import LABEL, configuration

__all__ = [
    "LABEL",
    "Authority",
    "MeshPart",
    "configuration",
    "form",
    "parts",
    "signs",
    "spiffe",
    "table",
    "text",
]
