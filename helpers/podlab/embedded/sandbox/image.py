"""The interface between the sandbox and images; ``embedded/images`` implements it."""

from __future__ import annotations

from typing import Any, Protocol

from podlab.embedded.runtime import ImageRecord


class RunnableImage(Protocol):
    """An image that the sandbox can run: its record, and how its root is made."""

    record: ImageRecord

    def root(self, layer: str) -> dict[str, Any]:
        """Return the root specification of ``zygote.rootfs``; *layer* is a folder for what the container writes."""


class ImageSource(Protocol):
    """Where images come from."""

    def find(self, name: str) -> RunnableImage | None:
        """Return the image behind *name* if it is present. Raises ImageError(InvalidImageName)."""

    async def pull(self, name: str) -> RunnableImage:
        """Make it present. Raises ImageError."""
