"""
Image names, normalised as container engines do: ``busybox`` means ``docker.io/library/busybox:latest``.

Source: github.com/distribution/reference normalize.go and regexp.go, read at v0.6.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from podlab.embedded.runtime import ImageError

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_DOMAIN = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z")
_TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}\Z")


class ImageName(NamedTuple):
    """A name in full; ``tag`` is empty when a digest stands alone."""

    domain: str
    path: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.domain}/{self.path}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """As people write it: without ``docker.io/library/``."""
        return str(self).removeprefix("docker.io/").removeprefix("library/")


def parse(text: str) -> ImageName:
    """Parse an image name. Raises ImageError(InvalidImageName) with the kubelet's words."""
    rest, _at, digest = text.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        head, tag = rest, ""
    domain, slash, path = head.partition("/")
    if not slash or not (set(".:") & set(domain) or domain == "localhost" or domain != domain.lower()):
        domain, path = "docker.io", head
    if domain == "docker.io" and "/" not in path:
        path = "library/" + path
    _check(text, domain, path, tag, digest, bool(colon))
    return ImageName(domain, path, tag or ("" if digest else "latest"), digest)


def _check(text: str, domain: str, path: str, tag: str, digest: str, has_colon: bool) -> None:
    bad_digest = bool(digest) and not _DIGEST.match(digest)
    bad_tag = bool(tag) and not _TAG.match(tag)
    empty_tag = has_colon and not tag and text.endswith(":")
    if path != path.lower():
        raise _invalid(text, f"invalid reference format: repository name ({path}) must be lowercase")
    if bad_digest or bad_tag or empty_tag or not _PATH.match(path) or not _DOMAIN.match(domain):
        raise _invalid(text, "invalid reference format")
    if len(domain) + len(path) > 255:
        raise _invalid(text, "repository name must not be more than 255 characters")


def _invalid(text: str, why: str) -> ImageError:
    words = f'Failed to apply default image tag "{text}": couldn\'t parse image name "{text}": {why}'
    return ImageError("InvalidImageName", words)
