"""
Images of the embedded cluster: a catalogue of what this machine has, and real images where one was brought.

    names.py      image names as manifests write them, normalised
    catalogue.py  clusters/embedded/catalogue.yaml, read and checked
    toolbox.py    the /bin behind the catalogue's images
    imagestore.py ``ImageStore``: what is present, what a pull does
    archive.py    images from ``docker save`` files, layers checked and unpacked
    registry.py   images from a registry over HTTPS
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podlab.embedded.images.imagestore import ImageStore as ImageStore


def __getattr__(name: str) -> object:
    if name == "ImageStore":
        from podlab.embedded.images.imagestore import ImageStore as found

        return found
    raise AttributeError(name)
