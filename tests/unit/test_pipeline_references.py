"""Which documents an envelope means."""

import pytest

from edxml_schemas.model import Bussiness, Document, ReplacementInfo, ResponseFor
from edxml_schemas.statuses import BussinessDocType
from router.pipeline.references import document_ids_of, target_of_status, targets_of
from tests.support.envelopes import DOCUMENT_ID, a_document, a_status

RESPONSE = ResponseFor(organ_id="A", code="7/X", document_id="by-response")


def change(kind: BussinessDocType, **bussiness: object) -> Document:
    response = bussiness.pop("response_for", ())
    stated = Bussiness(bussiness_doc_type=kind, **bussiness)  # type: ignore[arg-type]  # fields by name
    return a_document(bussiness=stated, response_for=response)


def names(document: Document) -> list[str]:
    return [str(each) for each in targets_of(document)]


def test_a_new_document_is_about_nothing() -> None:
    assert names(a_document(response_for=(RESPONSE,))) == []


def test_a_revocation_names_its_original_in_response_for() -> None:
    document = change(BussinessDocType.REVOKE, response_for=(RESPONSE, ResponseFor()), document_id="by-bussiness")
    assert names(document) == ["by-response"]
    assert names(change(BussinessDocType.REVOKE, document_id="by-bussiness")) == ["by-bussiness"]


def test_an_update_names_its_original_in_bussiness() -> None:
    document = change(BussinessDocType.UPDATE, response_for=(RESPONSE,), document_id="by-bussiness")
    assert names(document) == ["by-bussiness"]
    assert names(change(BussinessDocType.UPDATE, response_for=(RESPONSE,))) == ["by-response"]


def test_a_replacement_names_its_originals_in_a_list_each_once() -> None:
    listed = (
        ReplacementInfo(document_id="one", organ_id_list=("A", "B")),
        ReplacementInfo(document_id="two"),
        ReplacementInfo(document_id="one", organ_id_list=("B", "C")),
        ReplacementInfo(document_id="two", organ_id_list=("A",)),
    )
    document = change(BussinessDocType.REPLACE, replacement_info_list=listed, document_id="by-bussiness")
    assert [(each.document_id, each.receivers) for each in targets_of(document)] == [
        ("one", ("A", "B", "C")),
        ("two", ()),
    ]
    assert names(change(BussinessDocType.REPLACE, document_id="by-bussiness")) == ["by-bussiness"]


@pytest.mark.parametrize("kind", [BussinessDocType.REVOKE, BussinessDocType.UPDATE, BussinessDocType.REPLACE])
def test_a_change_that_repeats_its_own_document_id_names_nothing_by_that(kind: BussinessDocType) -> None:
    assert names(change(kind, document_id=DOCUMENT_ID)) == []


def test_a_code_serves_where_a_document_id_is_missing() -> None:
    document = change(BussinessDocType.REVOKE, response_for=(ResponseFor(code="7/X"),))
    assert names(document) == ["7/X"]


def test_a_status_is_about_what_response_for_says() -> None:
    assert str(target_of_status(a_status())) == DOCUMENT_ID


def test_every_document_id_that_matters_is_asked_for_once() -> None:
    document = change(BussinessDocType.UPDATE, document_id="other")
    assert document_ids_of(document) == (DOCUMENT_ID, "other")
    assert document_ids_of(a_status()) == (DOCUMENT_ID,)
    assert document_ids_of(a_status(response_for=ResponseFor(organ_id="A", code="1/X"))) == ()
