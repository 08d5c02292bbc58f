"""
Volumes that show the files of an image: pulled with the first container that starts, mounted read-only.

An image that cannot be had holds back the containers that mount it, and no others; they show the reason of the pull.

Source: ``getImageVolumes`` and ``toKubeContainerImageVolumes`` of pkg/kubelet/kuberuntime/kuberuntime_manager.go, read
at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Mapping

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet.imagemanager import ImageManager, StartError, Wait
from podlab.pods.raw import RawObject

Pulled = Mapping[str, str | StartError]
"""Volume name -> reference of the image, or why it cannot be had."""


async def pull(pod: RawObject, images: ImageManager, until_ending: Wait) -> Pulled:
    """Make the images of a Pod's volumes present, as far as that succeeds."""
    found: dict[str, str | StartError] = {}
    for volume in pod["spec"].get("volumes") or ():
        if "image" not in volume:
            continue
        source = volume["image"] or {}
        reference = source.get("reference") or ""
        asked = {"image": reference, "imagePullPolicy": source.get("pullPolicy")}
        try:
            await images.ensure(pod, asked, "", until_ending)
        except StartError as error:
            found[volume["name"]] = error
        else:
            found[volume["name"]] = reference
    return found


def mounted(
    pod: RawObject, container: RawObject, pulled: Pulled, recorder: EventRecorder, path: str
) -> dict[str, str]:
    """
    Return volume name -> reference for the image volumes that a container mounts.

    Raises:
        StartError: One of them cannot be had; each is reported in an Event of the container.
    """
    images: dict[str, str] = {}
    last: StartError | None = None
    for mount in container.get("volumeMounts") or ():
        found = pulled.get(mount["name"])
        if isinstance(found, StartError):
            recorder.event(pod, "Warning", "Failed", f"Error: {found.reason}", field_path=path)
            last = found
        elif found is not None:
            images[mount["name"]] = found
    if last is not None:
        raise last
    return images
