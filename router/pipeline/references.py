"""Which documents an envelope speaks of, before anybody looks whether they exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from edxml_schemas.model import Document, Envelope, ResponseFor, StatusMessage
from router.core.document_rules import DOCUMENT_RULES, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One document that is meant: by DocumentId, or else by `number/notation` and date. Empty when left out.

    `receivers` are the organs it is meant for, all of them when empty (ReplacementInfo/OrganIdList).
    """

    document_id: str = ""
    code: str = ""
    promulgated: date | None = None
    receivers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.document_id or self.code


def targets_of(document: Document) -> tuple[Reference, ...]:
    """The documents that a revocation, update or replacement is explicitly about; () for a new document.

    Each kind has its places, the usual one first (see `core/document_rules.py`). A Bussiness/DocumentId that repeats
    the document's own DocumentId names nothing by itself (see `own_id`).
    """
    rule = DOCUMENT_RULES[document.bussiness.bussiness_doc_type]
    for place in rule.places:
        if named := _NAMED_IN[place](document):
            return named
    return ()


def own_id(document: Document) -> Reference:
    """What a change that names nothing may still mean: vendors repeat the DocumentId of the original as their own."""
    return Reference(document_id=document.document_id)


def target_of_status(status: StatusMessage) -> Reference:
    """The document that a status is about."""
    return _of_response(status.response_for)


def document_ids_of(envelope: Envelope) -> tuple[str, ...]:
    """Every DocumentId whose documents a decision needs to know."""
    if isinstance(envelope, StatusMessage):
        named = envelope.response_for.document_id
        return (named,) if named else ()
    return tuple(
        dict.fromkeys(each.document_id for each in (own_id(envelope), *targets_of(envelope)) if each.document_id)
    )


def _in_bussiness(document: Document) -> tuple[Reference, ...]:
    stated = document.bussiness.document_id
    return (Reference(document_id=stated),) if stated and stated != document.document_id else ()


def _in_response_for(document: Document) -> tuple[Reference, ...]:
    return tuple(_of_response(each) for each in document.response_for if _names(each))


def _in_replacements(document: Document) -> tuple[Reference, ...]:
    return _merged(
        tuple(
            Reference(document_id=each.document_id, receivers=each.organ_id_list)
            for each in document.bussiness.replacement_info_list
            if each.document_id
        )
    )


def _in_own_id(document: Document) -> tuple[Reference, ...]:  # noqa: ARG001  every place has the same shape
    """Never stated: what it may still mean is for `own_id`, which somebody has to look up first."""
    return ()


def _names(response: ResponseFor) -> bool:
    return bool(response.document_id or response.code)


def _of_response(response: ResponseFor) -> Reference:
    return Reference(document_id=response.document_id, code=response.code, promulgated=response.promulgation_date)


def _merged(references: tuple[Reference, ...]) -> tuple[Reference, ...]:
    """One reference per DocumentId. Once it is meant for everybody, it is."""
    merged: dict[str, Reference] = {}
    for each in references:
        there = merged.get(each.document_id)
        if there is None:
            merged[each.document_id] = each
        else:
            both = (*there.receivers, *each.receivers) if there.receivers and each.receivers else ()
            merged[each.document_id] = Reference(document_id=each.document_id, receivers=tuple(dict.fromkeys(both)))
    return tuple(merged.values())


_NAMED_IN: Final[Mapping[Place, Callable[[Document], tuple[Reference, ...]]]] = MappingProxyType(
    {
        Place.BUSSINESS: _in_bussiness,
        Place.RESPONSE_FOR: _in_response_for,
        Place.REPLACEMENTS: _in_replacements,
        Place.OWN_ID: _in_own_id,
    }
)
