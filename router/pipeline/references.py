"""Which documents an envelope speaks of, before anybody looks whether they exist."""

from dataclasses import dataclass
from datetime import date

from edxml_schemas.model import Document, Envelope, ResponseFor, StatusMessage
from edxml_schemas.statuses import BussinessDocType


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

    A revocation names them in ResponseFor, an update in Bussiness/DocumentId, a replacement in ReplacementInfoList.
    Where a vendor left that out, the other places serve: first Bussiness/DocumentId, then ResponseFor. A
    Bussiness/DocumentId that repeats the document's own DocumentId names nothing by itself (see `own_id`).
    """
    kind = document.bussiness.bussiness_doc_type
    if kind == BussinessDocType.NEW:
        return ()
    stated = document.bussiness.document_id
    by_business = (Reference(document_id=stated),) if stated and stated != document.document_id else ()
    by_response = tuple(map(_of_response, (each for each in document.response_for if _names(each))))
    by_list = tuple(
        Reference(document_id=each.document_id, receivers=each.organ_id_list)
        for each in document.bussiness.replacement_info_list
        if each.document_id
    )
    if kind == BussinessDocType.REVOKE:
        return by_response or by_business
    if kind == BussinessDocType.UPDATE:
        return by_business or by_response
    return _merged(by_list) or by_business or by_response


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
