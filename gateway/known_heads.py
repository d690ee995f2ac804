"""Which heads are served: an unknown one is refused before any picture costs the trunk time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from graft.errors import InvalidArgumentError, NotFoundError, Violation
from graft.serving.call_context import outgoing_metadata, outgoing_timeout
from graft.v1 import classifier_pb2, classifier_pb2_grpc

if TYPE_CHECKING:
    from gateway.backend import Backend
    from graft.v1 import common_pb2

    Key = tuple[str, str | int]
    """A classifier, and an alias or a version of it."""

_REMEMBERED: Final = 1024


class KnownHeads:
    """The heads that answered lately, and the classifier to ask about others."""

    def __init__(self, classifier: Backend) -> None:
        self._classifier = classifier
        self._stub = classifier_pb2_grpc.ClassifierServiceStub(classifier.channel)
        self._answered: dict[Key, None] = {}  # the latest last; at most _REMEMBERED

    async def check(self, head: common_pb2.HeadRef) -> None:
        """Return if `head` is served; one that answered lately is trusted without asking.

        Raises:
            InvalidArgumentError: it names no classifier.
            NotFoundError: it is not served (reason HEAD_NOT_FOUND).
            UnavailableError: the classifier is away.
        """
        if not head.classifier:
            raise wrong_head("head names no classifier; set head.classifier")
        classifier, selector = key_of(head)
        if (classifier, selector) in self._answered:
            return
        try:
            listed = await self._stub.ListHeads(
                classifier_pb2.ListHeadsRequest(), timeout=outgoing_timeout(), metadata=outgoing_metadata()
            )
        except grpc.aio.AioRpcError as error:
            raise self._classifier.failure(error) from error
        served = [each for each in listed.heads if each.classifier == classifier]
        if any(selector in {each.version, *each.aliases} for each in served):
            return
        wanted = f"version {selector}" if isinstance(selector, int) else f"alias {selector!r}"
        there = ", ".join(f"version {each.version} ({', '.join(each.aliases)})" for each in served)
        raise NotFoundError(
            "head",
            f"{classifier}/{selector}",
            f"no {wanted} of classifier {classifier!r} is served; there is {there or 'none of its versions'}",
            reason="HEAD_NOT_FOUND",
        )

    def remember(self, head: common_pb2.HeadRef) -> None:
        """Note that a head answered."""
        self.forget(head)
        self._answered[key_of(head)] = None
        while len(self._answered) > _REMEMBERED:
            del self._answered[next(iter(self._answered))]

    def forget(self, head: common_pb2.HeadRef) -> None:
        """Note that a head did not answer."""
        self._answered.pop(key_of(head), None)


def key_of(head: common_pb2.HeadRef) -> Key:
    """Return what two references to the same head have in common; an alias that is left out is `production`."""
    chosen = head.version if head.WhichOneof("selector") == "version" else head.alias or "production"
    return head.classifier, chosen


def wrong_head(message: str) -> InvalidArgumentError:
    """Return the error of a call whose head is not said, or said in two ways."""
    return InvalidArgumentError(message, reason="HEAD_REQUIRED", violations=(Violation("head", message),))
