"""
``Objects``: the verbs of a lab that create, change and delete.
"""

from __future__ import annotations

from pathlib import Path

from podlab import manifests
from podlab.errors import ApiError, ManifestError, NotFoundError
from podlab.lab import texts
from podlab.lab.workplace import Workplace
from podlab.pods.raw import RawObject


class Stored(list[RawObject]):
    """Objects as the server has them; at the end of a cell they print as kinds and names, not with all fields."""

    def __repr__(self) -> str:
        return ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in self)


class Objects(Workplace):
    """Manifests, and the objects that are made of them."""

    def need(self, *names: str) -> None:
        """Have these images of the labs on the cluster, built first where need be, and say so in one line."""
        from podlab import images
        from podlab.lab.showing import tell_builds

        print(images.need(self.cluster, names, tell_builds))

    def text(self, manifest: str | Path) -> str:
        """Return the text of *manifest*: the name of a ``%%manifest`` cell, a file, or YAML itself."""
        return texts.find(manifest, self.texts)[0]

    def apply(self, manifest: str | Path) -> Stored:
        """Create the objects of *manifest*, in place of those that a former run left, and return them."""
        loaded = self._load(manifest)
        self.space.replace([each.object for each in loaded])
        stored = Stored(manifests.apply(self.client, loaded, namespace=self.namespace))
        self.space.note(stored)
        return stored

    def change(self, manifest: str | Path) -> Stored:
        """Change the objects of *manifest* that are there to what it says, and create the others; returns them."""
        stored = Stored(self._changed(each.object) for each in self._load(manifest))
        self.space.note(stored)
        return stored

    def _changed(self, body: RawObject) -> RawObject:
        try:
            return self.client.patch(self.client.path_of(body, self.namespace), body)
        except NotFoundError:
            return self.client.create(self.client.path_of(body, self.namespace).rpartition("/")[0], body)

    def verdicts(self, manifest: str | Path) -> dict[str, str]:
        """
        Ask the server about each object of *manifest* without making it: ``taken`` or ``refused``, by
        name.

        Raises:
            PodlabError: The server could not be asked, or failed; that is not a refusal.
        """
        found = {}
        for each in self._load(manifest):
            try:
                manifests.validate(self.client, [each], namespace=self.namespace)
                found[each.name] = "taken"
            except (ManifestError, ApiError) as error:
                # 500 is how a server refuses what a webhook that does not answer had to see.
                if isinstance(error, ApiError) and error.code > 500:
                    raise
                found[each.name] = "refused"
        return found

    def lint(self, manifest: str | Path) -> None:
        """Print the traps in *manifest* that lint knows, for this cluster's version."""
        for each in self._load(manifest):
            for finding in manifests.lint(each, server=self.version):
                print(f"{each.name}: {finding}")

    def _load(self, manifest: str | Path) -> list[manifests.Manifest]:
        text, source = texts.find(manifest, self.texts)
        return manifests.load(text, source=source)

    def set_image(
        self, name: str, container: str, image: str, *, kind: str = "initContainers", of: str = "pod"
    ) -> None:
        """
        Put another image into one container of a living Pod, as ``kubectl set image`` does.

        Args:
            name: The Pod, or with *of* the ``deployment`` in whose template it is changed.
            container: The container's name.
            image: What it shall run.
            kind: The list that it stands in: ``initContainers`` or ``containers``.
            of: ``pod`` or ``deployment``.
        """
        spec: RawObject = {"spec": {kind: [{"name": container, "image": image}]}}
        self.client.patch(self._path(of, name), spec if of == "pod" else {"spec": {"template": spec}})

    def delete(self, kind: str, name: str, *, grace_s: int | None = None, wait_s: float = 60) -> None:
        """Delete one object and wait until it is gone; one that is gone already is fine."""
        path = self._path(kind, name)
        if self.client.remove(path, grace_s=grace_s):
            self.wait(
                lambda: self.client.find(path) is None, f"{kind} {name} is still there", deadline_s=wait_s
            )
