"""Whatever an envelope may say: strategies for documents and statuses that the codec writes and reads."""

import base64
from datetime import date, datetime

from hypothesis import strategies as st

from edxml_schemas.attached.zipped import ZIP_START
from edxml_schemas.codec import VIETNAM_TIME
from edxml_schemas.model import (
    Attachment,
    Bussiness,
    BussinessDocumentInfo,
    Code,
    Document,
    DocumentType,
    Organ,
    OtherInfo,
    PromulgationInfo,
    Receiver,
    Reference,
    ReplacementInfo,
    ResponseFor,
    SignerInfo,
    StaffInfo,
    StatusMessage,
    TraceHeader,
)
from edxml_schemas.statuses import StatusCode

VIETNAMESE = "aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệỳỷỹýỵĂÂĐÊÔƠƯ 0123456789/-.,()\"'&<>\t\n"
LEGAL = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n")
TEXT = st.one_of(st.text(VIETNAMESE, max_size=30), st.text(LEGAL, max_size=30)).map(str.strip)
SOME_TEXT = TEXT.filter(bool)
NAME = st.text(VIETNAMESE.replace("/", ""), min_size=1, max_size=20).map(lambda name: f"v{name.strip()}b")
SEEN = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"], exclude_characters="\ufffe\uffff")
ID = st.text(SEEN, max_size=30).map(lambda text: " ".join(text.split()))
"""A code or id: nothing in it that cannot be seen."""
SOME_ID = ID.filter(bool)
CONTENT = st.binary(max_size=60).filter(lambda content: not content.startswith(ZIP_START))
SMALL = st.none() | st.integers(0, 999_999_999)
BIT = st.none() | st.sampled_from([0, 1])
DAY = st.dates(date(1900, 1, 1), date(2199, 12, 31))
MOMENT = st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)).map(  # noqa: DTZ001  the zone follows
    lambda moment: moment.replace(microsecond=0, tzinfo=VIETNAM_TIME)
)
ORGAN_ID = st.from_regex(r"\A(?:[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[GH][0-9]{2}|[GH][0-9]{2}(?:\.[0-9]{2}){0,3})\Z")
CODE = st.builds(Code, code_number=SOME_TEXT, code_notation=TEXT)
ORGAN = st.builds(
    Organ,
    organ_id=ORGAN_ID,
    organization_in_charge=TEXT,
    organ_name=TEXT,
    organ_add=TEXT,
    email=TEXT,
    telephone=TEXT,
    fax=TEXT,
    website=TEXT,
)
RESPONSE_FOR = st.builds(ResponseFor, organ_id=ID, code=TEXT, promulgation_date=st.none() | DAY, document_id=ID)
STAFF = st.builds(StaffInfo, department=TEXT, department_id=TEXT, staff=TEXT, staff_id=TEXT, email=TEXT, mobile=TEXT)
BUSSINESS = st.builds(
    Bussiness,
    bussiness_doc_type=st.integers(0, 3),
    document_id=ID,
    bussiness_doc_reason=TEXT,
    paper=BIT,
    staff_info=st.none() | STAFF,
    bussiness_document_info=st.none()
    | st.builds(
        BussinessDocumentInfo,
        document_info=BIT,
        document_receiver=BIT,
        receiver_list=st.lists(st.builds(Receiver, organ_id=SOME_ID, receiver_type=BIT), max_size=2).map(tuple),
    ),
    replacement_info_list=st.lists(
        st.builds(ReplacementInfo, document_id=SOME_ID, organ_id_list=st.lists(SOME_ID, max_size=3).map(tuple)),
        max_size=2,
    ).map(tuple),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A document with attachments that are no ZIP."""
    attachments = tuple(
        Attachment(
            content_id=str(number),
            attachment_name=draw(NAME),
            description=draw(TEXT),
            content_type=draw(TEXT),
            encoded=base64.b64encode(draw(CONTENT)).decode(),
        )
        for number in range(draw(st.integers(0, 2)))
    )
    manifest = tuple(
        Reference(content_id=each.content_id, attachment_name=each.attachment_name, description=draw(TEXT))
        for each in attachments
    )
    return Document(
        sender=draw(ORGAN),
        recipients=tuple(draw(st.lists(ORGAN, min_size=1, max_size=3, unique_by=lambda organ: organ.organ_id))),
        document_id=draw(SOME_ID),
        code=draw(CODE),
        promulgation_info=PromulgationInfo(place=draw(TEXT), promulgation_date=draw(DAY)),
        document_type=DocumentType(type=draw(st.sampled_from([1, 2])), type_detail=draw(SMALL), type_name=draw(TEXT)),
        subject=draw(SOME_TEXT),
        content=draw(TEXT),
        signer_info=draw(st.builds(SignerInfo, competence=TEXT, position=TEXT, full_name=TEXT)),
        due_date=draw(st.none() | DAY),
        to_places=tuple(draw(st.lists(SOME_TEXT, max_size=3))),
        other_info=draw(
            st.builds(
                OtherInfo,
                priority=st.integers(0, 4),
                sphere_of_promulgation=TEXT,
                typer_notation=TEXT,
                promulgation_amount=SMALL,
                page_amount=SMALL,
                direction=st.none() | st.booleans(),
                appendixes=st.lists(SOME_TEXT, max_size=2).map(tuple),
            )
        ),
        response_for=tuple(draw(st.lists(RESPONSE_FOR, max_size=2))),
        response_for_task=tuple(draw(st.lists(SOME_TEXT, max_size=2))),
        steering_type=draw(SMALL),
        application_type=draw(TEXT),
        trace_headers=tuple(
            draw(
                st.lists(
                    st.builds(TraceHeader, organ_id=ORGAN_ID | st.just(""), timestamp=st.none() | MOMENT), max_size=2
                )
            )
        ),
        bussiness=draw(BUSSINESS),
        manifest=manifest,
        attachments=attachments,
    )


STATUSES = st.builds(
    StatusMessage,
    sender=ORGAN,
    response_for=st.builds(
        ResponseFor, organ_id=ORGAN_ID, code=TEXT, promulgation_date=st.none() | DAY, document_id=SOME_ID
    ),
    status_code=st.sampled_from([code.value for code in StatusCode]),
    description=TEXT,
    staff_info=st.none() | STAFF,
    timestamp=st.none() | MOMENT,
)
