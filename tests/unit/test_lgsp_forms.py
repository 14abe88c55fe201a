"""The form of `sendEdoc`: whatever is sent, the envelope comes out byte for byte, or the form is refused in words."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gateway.lgsp.forms import FormFault, FormLimits, FormProblem, SendForm
from edxml_schemas.contract import MessageType

BOUNDARY = "----=_Part_0_1234.5678"
CONTENT_TYPE = f'multipart/form-data; boundary="{BOUNDARY}"'
ENVELOPE = "<edXML>Công văn</edXML>".encode()
LIMITS = FormLimits(parts=4, field_bytes=100, beside_bytes=6000)


def part(name: str, content: bytes, *, file_name: bytes = b"", more: bytes = b"") -> bytes:
    disposition = b'Content-Disposition: form-data; name="' + name.encode() + b'"'
    if file_name:
        disposition += b'; filename="' + file_name + b'"'
    return disposition + b"\r\n" + more + b"\r\n" + content


def body_of(*parts: bytes, closed: bool = True) -> bytes:
    line = f"--{BOUNDARY}".encode()
    body = b"".join(line + b"\r\n" + each + b"\r\n" for each in parts)
    return body + (line + b"--\r\n" if closed else b"")


EDOC = part("edocFile", ENVELOPE, file_name=b"vb.edxml", more=b"Content-Type: application/xml\r\n")
KIND = part("messageType", b"edoc")


async def stream_of(body: bytes, *, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), step):
        yield body[start : start + step]


async def read(body: bytes, *, step: int = 7, content_type: str = CONTENT_TYPE) -> tuple[bytes, MessageType]:
    form = SendForm(content_type, limits=LIMITS)
    content = b"".join([piece async for piece in form.envelope(stream_of(body, step=step))])
    return content, form.message_type


async def fault_of(body: bytes, *, content_type: str = CONTENT_TYPE, step: int = 7) -> FormProblem:
    with pytest.raises(FormFault) as caught:
        await read(body, content_type=content_type, step=step)
    return caught.value.problem


@pytest.mark.parametrize("step", [1, 2, 3, 50, 100_000])
@pytest.mark.parametrize("parts", [(EDOC, KIND), (KIND, EDOC)])
async def test_the_type_may_stand_before_or_behind_the_file(parts: tuple[bytes, ...], step: int) -> None:
    assert await read(body_of(*parts), step=step) == (ENVELOPE, MessageType.DOCUMENT)


async def test_a_status_is_told_apart_whatever_the_letter_case() -> None:
    assert (await read(body_of(EDOC, part("messageType", b" Status\r\n"))))[1] is MessageType.STATUS


@pytest.mark.parametrize(
    "file_name",
    [
        b"../../etc/passwd",
        b"C:\\Windows\\system32\\x.xml",
        "Công văn số 7816 (ký).SIGNED.xml".encode(),
        "Công văn.xml".encode("cp1258", "replace"),
        b"\xff\xfe\x00bad",
        b'a\\"; name=\\"messageType',
        b"x" * 3000,
    ],
)
async def test_any_file_name_does_because_none_is_used(file_name: bytes) -> None:
    body = body_of(part("edocFile", ENVELOPE, file_name=file_name), KIND)
    assert await read(body) == (ENVELOPE, MessageType.DOCUMENT)


async def test_the_file_may_come_without_a_name() -> None:
    assert (await read(body_of(part("edocFile", ENVELOPE), KIND)))[0] == ENVELOPE


async def test_unknown_fields_are_passed_over() -> None:
    other = part("applicationCode", b"QLVB", more=b"Content-Type: text/plain; charset=UTF-8\r\n")
    assert (await read(body_of(other, EDOC, KIND)))[0] == ENVELOPE


async def test_what_looks_like_a_boundary_inside_the_file_stays_in_the_file() -> None:
    content = f"\r\n--{BOUNDARY[:-1]}\r\n--{BOUNDARY}x\r\n\r\n-{BOUNDARY}--\r\n--".encode()
    for step in (1, 5, 1000):
        assert (await read(body_of(part("edocFile", content), KIND), step=step))[0] == content


@given(
    content=st.binary(max_size=400) | st.text("\r\n-=_Part013.", max_size=300).map(str.encode),
    step=st.integers(1, 64),
)
async def test_the_bytes_come_out_as_they_went_in(content: bytes, step: int) -> None:
    if f"\r\n--{BOUNDARY}".encode() in b"\r\n" + content + b"\r\n":
        return
    form = SendForm(CONTENT_TYPE, limits=FormLimits())
    stream = stream_of(body_of(part("edocFile", content), KIND), step=step)
    assert b"".join([piece async for piece in form.envelope(stream)]) == content


@given(body=st.binary(max_size=300), step=st.integers(1, 64))
async def test_garbage_is_refused_and_never_crashes(body: bytes, step: int) -> None:
    with pytest.raises(FormFault):
        await read(f"--{BOUNDARY}\r\n".encode() + body, step=step)


@pytest.mark.parametrize(
    ("content_type", "problem"),
    [
        ("", FormProblem.NOT_A_FORM),
        ("application/xml", FormProblem.NOT_A_FORM),
        ("application/x-www-form-urlencoded", FormProblem.NOT_A_FORM),
        ("multipart/mixed; boundary=x", FormProblem.NOT_A_FORM),
        ("multipart/form-data", FormProblem.NO_BOUNDARY),
        ("multipart/form-data; boundary=", FormProblem.NO_BOUNDARY),
        ('multipart/form-data; boundary=""', FormProblem.NO_BOUNDARY),
        ("multipart/form-data; boundary=" + "x" * 300, FormProblem.NO_BOUNDARY),
        ("multipart/form-data; boundary=" + "x" * 30_000, FormProblem.NO_BOUNDARY),
        ("multipart/form-data; boundary=one; Boundary = two", FormProblem.NO_BOUNDARY),
    ],
)
async def test_a_content_type_that_announces_no_form_is_named(content_type: str, problem: FormProblem) -> None:
    assert await fault_of(body_of(EDOC, KIND), content_type=content_type) is problem


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ((), FormProblem.NO_FILE),
        ((KIND,), FormProblem.NO_FILE),
        ((EDOC,), FormProblem.NO_TYPE),
        ((EDOC, part("messageType", b"")), FormProblem.BAD_TYPE),
        ((EDOC, part("messageType", b"receipt")), FormProblem.BAD_TYPE),
        ((EDOC, part("messageType", b"edoc" * 100)), FormProblem.BAD_TYPE),
        ((EDOC, part("messageType", b"\xff\xfe")), FormProblem.BAD_TYPE),
        ((EDOC, EDOC, KIND), FormProblem.REPEATED),
        ((EDOC, KIND, part("messageType", b"status")), FormProblem.REPEATED),
        ((EDOC, KIND, *(part(f"n{number}", b"") for number in range(9))), FormProblem.TOO_MANY_PARTS),
        ((EDOC, KIND, part("other", b"x" * 7000)), FormProblem.TOO_MUCH_BESIDE),
        ((EDOC, KIND, part("other", b"x" * 7000, file_name=b"bomb.zip")), FormProblem.TOO_MUCH_BESIDE),
        ((b"Content-Type: text/plain\r\n\r\nedoc", EDOC), FormProblem.PART_HEADERS),
        ((b"Content-Disposition: form-data\r\n\r\nedoc", EDOC), FormProblem.PART_HEADERS),
        ((b'Content-Disposition: attachment; name="edocFile"\r\n\r\nx', KIND), FormProblem.PART_HEADERS),
        (
            (part("edocFile", ENVELOPE, more=b'Content-Disposition: form-data; name="x"\r\n'), KIND),
            FormProblem.PART_HEADERS,
        ),
        ((part("edocFile", ENVELOPE, more=b"Content-Transfer-Encoding: base64\r\n"), KIND), FormProblem.PART_ENCODING),
        ((part("edocFile", ENVELOPE, more=b"X: y\r\n" * 20), KIND), FormProblem.PART_HEADERS),
        ((b"".join(b"X%d: y\r\n" % number for number in range(20)) + b"\r\nx", EDOC, KIND), FormProblem.BROKEN),
        ((part("edocFile", ENVELOPE, more=b"X: " + b"y" * 5000 + b"\r\n"), KIND), FormProblem.BROKEN),
    ],
)
async def test_a_form_with_a_fault_is_refused_by_its_name(parts: tuple[bytes, ...], problem: FormProblem) -> None:
    assert await fault_of(body_of(*parts)) is problem


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"7bit", b"BINARY"])
async def test_encodings_that_change_no_byte_are_welcome(encoding: bytes) -> None:
    more = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    assert (await read(body_of(part("edocFile", ENVELOPE, more=more), KIND)))[0] == ENVELOPE


async def test_a_half_body_is_no_form_however_much_of_it_came() -> None:
    body = body_of(KIND, EDOC)
    for end in range(len(body) - 4):
        assert await fault_of(body[:end], step=1000) is FormProblem.CUT


async def test_the_texts_name_what_was_found_without_what_cannot_be_seen() -> None:
    with pytest.raises(FormFault) as caught:
        await read(body_of(EDOC, part("messageType", "\u202e\x1b[31mcode".encode())))
    assert "\x1b" not in caught.value.vi
    assert "\u202e" not in caught.value.vi
    assert all("Đề nghị" in problem.value for problem in FormProblem)
