"""Whatever an envelope says, writing and reading it gives the same value, and the bytes are valid."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edxml_schemas import schemas
from edxml_schemas.codec import Decoded, decode, encode
from edxml_schemas.model import Document, StatusMessage
from edxml_schemas.safe_xml import Parsed, parse
from tests.support.generated import STATUSES, documents


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_a_document_is_read_as_it_was_written(document: Document) -> None:
    data = encode(document)
    parsed = parse(data)
    assert isinstance(parsed, Parsed)
    assert schemas.check(parsed.root) == ()
    outcome = decode(data)
    assert isinstance(outcome, Decoded), outcome
    assert outcome.envelope == document


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STATUSES)
def test_a_status_is_read_as_it_was_written(status: StatusMessage) -> None:
    outcome = decode(encode(status))
    assert isinstance(outcome, Decoded), outcome
    assert outcome.envelope == status


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents(), st.data())
def test_a_damaged_document_is_read_or_refused_and_never_raises(document: Document, data: st.DataObject) -> None:
    written = encode(document)
    at = data.draw(st.integers(0, len(written)))
    length = data.draw(st.integers(0, 60))
    instead = data.draw(
        st.sampled_from([b"", b"<", b">", b"</edXML:To>", b"<edXML:To/>", b"\xff", b"&", b"<!--", b"0"])
    )
    outcome = decode(written[:at] + instead + written[at + length :])
    assert isinstance(outcome, Decoded) or outcome
