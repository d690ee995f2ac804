"""Between the wire's messages and the classifier's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from classifier.catalogue import DEFAULT_ALIAS
from classifier.classification import classify
from classifier.verdicts import Verdict
from graft.v1 import classifier_pb2

if TYPE_CHECKING:
    from classifier.catalogue import Catalogue, Served
    from graft.v1 import common_pb2

_VERDICTS: Final = {
    Verdict.KNOWN: classifier_pb2.VERDICT_KNOWN,
    Verdict.UNCERTAIN: classifier_pb2.VERDICT_UNCERTAIN,
    Verdict.UNKNOWN: classifier_pb2.VERDICT_UNKNOWN,
}


def selector_of(ref: common_pb2.HeadRef) -> str | int:
    """Return the alias, or the version, that a reference picks."""
    return ref.version if ref.WhichOneof("selector") == "version" else ref.alias or DEFAULT_ALIAS


def answer(
    catalogue: Catalogue, request: classifier_pb2.ClassifierServiceClassifyRequest
) -> classifier_pb2.ClassifierServiceClassifyResponse:
    """Return the response to a request; raises what `classify` raises."""
    found = classify(
        catalogue,
        request.head.classifier,
        selector_of(request.head),
        fingerprint=request.fingerprint,
        dimensions=request.dimensions,
        vectors=request.vectors,
        top_k=request.top_k,
    )
    response = classifier_pb2.ClassifierServiceClassifyResponse(
        classifier=found.listed.classifier, version=found.listed.version
    )
    for row in found.rows:
        add = response.classifications.add().labels.add  # in place: half the time of building the parts, then the whole
        for label, probability in row:
            add(label=label, probability=probability)
    for message, (verdict, score) in zip(response.classifications, found.verdicts, strict=False):  # none, or one each
        message.verdict = _VERDICTS[verdict]
        message.unknown_score = score
    return response


def served_head(served: Served) -> classifier_pb2.ServedHead:
    """Return an entry of the catalogue as a message."""
    message = classifier_pb2.ServedHead(
        classifier=served.listed.classifier,
        version=served.listed.version,
        aliases=served.listed.aliases,
        fingerprint=served.head.fingerprint,
        dimensions=served.head.dimensions,
        labels=served.head.labels,
    )
    message.load_time.FromDatetime(served.load_time)
    return message
