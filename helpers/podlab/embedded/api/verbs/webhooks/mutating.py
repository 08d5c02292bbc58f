"""
Objects that are being created, as the webhooks leave them.

Requests of clients wait for the answers. Controllers do not wait: the first attempt to make an object asks the
webhooks and raises `NotYetError`, and a later one, which controllers make by themselves, finds the answer.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections.abc import Sequence

from podlab.embedded import schema
from podlab.embedded.api.http.codec import dumps
from podlab.embedded.api.nodeconnection import NodeConnection
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.users import User
from podlab.embedded.fault import NotYetError, StatusError
from podlab.embedded.schema.decode import DecodeError
from podlab.embedded.store import Store, uid
from podlab.pods.raw import RawObject

CONFIGURATIONS = "mutatingwebhookconfigurations"
KEPT_S = 30.0  # how long an answer waits for the controller that asked


class Mutating:
    """
    Asks the webhooks of one cluster.

    Args:
        node: From whose network Services are reached.
    """

    def __init__(self, store: Store, node: NodeConnection) -> None:
        self._store, self._node = store, node
        self._answers: dict[bytes, list[RawObject | StatusError]] = {}
        self._asked: dict[bytes, asyncio.Task[None]] = {}

    def concerned(self, kind: Kind, obj: RawObject) -> Sequence[RawObject]:
        """Return the webhooks to be asked about a new object; usually none."""
        if not self._store.collection(CONFIGURATIONS).versions:
            return ()
        from podlab.embedded.api.verbs.webhooks import matching

        meta = obj["metadata"]
        namespace = self._store.get("namespaces", "", meta["namespace"]) if kind.namespaced else None
        return matching.concerned(self._store.list(CONFIGURATIONS), kind, meta.get("labels") or {}, namespace)

    async def create(
        self, kind: Kind, obj: RawObject, user: User, warnings: list[str], *, dry: bool = False
    ) -> RawObject:
        """
        Return *obj* as the webhooks leave it, with defaults.

        Raises:
            StatusError: A webhook refuses, or fails and its ``failurePolicy`` is Fail.
        """
        from podlab.embedded.api.verbs.webhooks.review import AnswerError

        for hook in self.concerned(kind, obj):
            try:
                obj = await self._asked_for(hook, kind, obj, user, warnings, dry=dry)
            except AnswerError as error:
                if hook.get("failurePolicy", "Fail") != "Ignore":
                    text = f'Internal error occurred: failed calling webhook "{hook["name"]}": {error}'
                    raise StatusError(500, text, reason="InternalError") from None
        return obj

    async def _asked_for(
        self, hook: RawObject, kind: Kind, obj: RawObject, user: User, warnings: list[str], *, dry: bool
    ) -> RawObject:
        from podlab.embedded.api.verbs.webhooks import calling, review

        if dry and hook["sideEffects"] not in ("None", "NoneOnDryRun"):
            text = f'admission webhook "{hook["name"]}" does not support dry run'
            raise StatusError(400, text, reason="BadRequest")
        if self._node.runtime is None:
            raise review.AnswerError("failed to call webhook: no kubelet runs on this server")
        number = uid()
        asked = review.of_new(kind, obj, user, uid=number, dry=dry)
        answer = review.response(
            await calling.post(self._store, self._node.runtime, hook, dumps(asked)), number
        )
        warnings += [str(text) for text in answer.get("warnings") or ()]
        if refused := review.refusal(hook["name"], answer):
            raise refused
        return _decoded(kind, obj, review.patched(copy.deepcopy(obj), answer))

    def of_controller(self, kind: Kind, obj: RawObject, user: User) -> RawObject:
        """
        Return what `create` would, for one who does not wait.

        Raises:
            NotYetError: The answer is not there yet.
            StatusError: As of `create`.
        """
        if not self.concerned(kind, obj):
            return obj
        key = hashlib.sha256(dumps(obj)).digest()
        ready = self._answers.get(key)
        if ready:
            found = ready.pop()
            if not ready:
                del self._answers[key]
            if isinstance(found, StatusError):
                raise found
            return found
        if key not in self._asked:
            task = asyncio.get_running_loop().create_task(self._ask(key, kind, copy.deepcopy(obj), user))
            self._asked[key] = task
        raise NotYetError

    async def _ask(self, key: bytes, kind: Kind, obj: RawObject, user: User) -> None:
        found: RawObject | StatusError
        try:
            found = await self.create(kind, obj, user, [])
        except StatusError as refusal:
            found = refusal
        finally:
            self._asked.pop(key, None)
        self._answers.setdefault(key, []).append(found)
        asyncio.get_running_loop().call_later(KEPT_S, self._answers.pop, key, None)


def _decoded(kind: Kind, old: RawObject, found: object) -> RawObject:
    """Return the patched object, decoded and with defaults. Raises AnswerError."""
    from podlab.embedded.api.verbs.webhooks.review import AnswerError

    if not isinstance(found, dict):
        raise AnswerError("the patch does not leave an object")
    try:
        obj, _ = schema.prepare(kind.type, found)
    except DecodeError as error:
        raise AnswerError(f"the patched object cannot be read: {error}") from None
    for field in ("name", "generateName", "namespace"):
        if obj["metadata"].get(field) != old["metadata"].get(field):
            raise AnswerError(f"metadata.{field} is not a webhook's to change")
    return {"kind": kind.kind, "apiVersion": kind.api_version, **obj}
