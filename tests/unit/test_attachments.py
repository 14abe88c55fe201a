"""Attachments: base64, the manifest, names, the zip rule and its bombs."""

import base64
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.attached import zipped
from edxml_schemas.attachments import OpenedAttachment, check, open_attachment, pack_attachment, safe_file_name
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Attachment
from tests.support.envelopes import A_PDF, an_attachment, manifest_of

MIB = 2**20
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
DOCX_ENTRIES = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>", "docProps/app.xml": b"<p/>"}


def zip_of(entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def found(*attachments: Attachment, limits: Limits = DEFAULT_LIMITS) -> tuple[FindingCode, ...]:
    return codes(check(attachments, manifest_of(attachments), limits))


def opened(attachment: Attachment, limits: Limits = DEFAULT_LIMITS) -> OpenedAttachment:
    outcome = open_attachment(attachment, limits)
    assert isinstance(outcome, OpenedAttachment), outcome
    return outcome


def refused(attachment: Attachment, limits: Limits = DEFAULT_LIMITS) -> tuple[FindingCode, ...]:
    outcome = open_attachment(attachment, limits)
    assert isinstance(outcome, tuple)
    return codes(outcome)


def test_a_plain_file_opens_as_its_bytes() -> None:
    assert opened(an_attachment()) == OpenedAttachment(
        name="Công văn 7816.pdf", content=A_PDF, content_type="application/pdf", zipped=False
    )
    assert found(an_attachment()) == ()


@pytest.mark.parametrize("name", ["1896_QD-TTg.doc", "van ban.SIGNED.PDF", "khong duoi", "du lieu.xls"])
@pytest.mark.parametrize("declared", ["application/zip", "text/plain", "application/pdf", ""])
def test_a_zip_of_one_file_under_another_name_is_the_zipped_form(name: str, declared: str) -> None:
    attachment = an_attachment(zip_of({"3ed3cc90.edxml": OLE}), attachment_name=name, content_type=declared)
    file = opened(attachment)
    assert (file.name, file.content, file.zipped) == (name, OLE, True)
    assert not set(found(attachment)) - {FindingCode.ATTACHMENT_TYPE}


def test_an_unzipped_file_has_the_type_of_its_bytes_when_the_declared_one_was_that_of_the_zip() -> None:
    attachment = an_attachment(zip_of({"a.pdf": A_PDF}), content_type="application/zip")
    assert opened(attachment).content_type == "application/pdf"


@pytest.mark.parametrize("name", ["ho so.zip", "HO SO.ZIP", "ho so.zip "])
def test_a_name_that_ends_in_zip_keeps_the_zip(name: str) -> None:
    content = zip_of({"a.pdf": A_PDF})
    file = opened(an_attachment(content, attachment_name=name, content_type="application/zip"))
    assert (file.content, file.zipped) == (content, False)


@pytest.mark.parametrize("name", ["bao cao.docx", "bao cao.doc", "bao cao"])
def test_a_document_that_is_itself_a_zip_is_kept(name: str) -> None:
    content = zip_of(DOCX_ENTRIES)
    attachment = an_attachment(content, attachment_name=name, content_type="application/docx")
    assert (opened(attachment).content, found(attachment)) == (content, ())


@pytest.mark.parametrize("entries", [{"[Content_Types].xml": b"<Types/>"}, {"mimetype": b"application/vnd.oasis"}])
def test_a_document_package_of_one_entry_is_kept(entries: dict[str, bytes]) -> None:
    content = zip_of(entries, method=zipfile.ZIP_STORED)
    assert opened(an_attachment(content, attachment_name="a.odt")).content == content


def test_a_document_package_inside_a_zip_is_taken_out() -> None:
    inner = zip_of(DOCX_ENTRIES)
    attachment = an_attachment(zip_of({"x": inner}), attachment_name="bao cao.docx", content_type="application/zip")
    assert (opened(attachment).content, found(attachment)) == (inner, ())


def test_a_zip_inside_the_zip_is_not_followed() -> None:
    inner = zip_of({"a.pdf": A_PDF})
    assert opened(an_attachment(zip_of({"b.zip": inner}))).content == inner


def test_a_zip_of_several_files_is_kept_and_told() -> None:
    content = zip_of({"a.pdf": A_PDF, "b.pdf": A_PDF})
    attachment = an_attachment(content, content_type="application/zip")
    assert opened(attachment).content == content
    assert found(attachment) == (FindingCode.ATTACHMENT_ZIP_ENTRIES,)


def test_a_zip_of_very_many_files_is_not_read() -> None:
    content = zip_of({str(number): b"" for number in range(5_000)})
    attachment = an_attachment(content, content_type="application/zip")
    assert opened(attachment).content == content
    assert found(attachment) == (FindingCode.ATTACHMENT_ZIP_ENTRIES,)


def test_a_directory_that_a_zip64_record_makes_larger_is_not_read_either() -> None:
    content = zip_of({str(number): b"" for number in range(5_000)})
    end = content.rindex(b"PK\x05\x06")
    count, size, offset = struct.unpack_from("<HLL", content, end + 10)
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    small = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, offset, 0)
    grown = content[:end] + large + locator + small
    view = zipped.look(grown, DEFAULT_LIMITS)
    assert view is not None
    assert (view.entries, view.count > DEFAULT_LIMITS.zip_entries) == ((), True)
    attachment = an_attachment(grown, content_type="application/zip")
    assert found(attachment) == (FindingCode.ATTACHMENT_ZIP_ENTRIES,)


def test_an_error_is_never_lost_behind_remarks() -> None:
    many = [an_attachment(content_id=str(n), attachment_name=f"../{n}.pdf") for n in range(300)]
    last = an_attachment(content_id="last", encoded="?")
    faults = check((*many, last), ())
    assert len(faults) == DEFAULT_LIMITS.findings
    assert faults[0].code is FindingCode.ATTACHMENT_BASE64


def test_a_folder_beside_the_file_does_not_count() -> None:
    assert opened(an_attachment(zip_of({"folder/": b"", "folder/a.pdf": A_PDF}))).content == A_PDF


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-4],
        lambda content: content[:4] + b"x" * 400,
        lambda content: content.replace(b"PK\x01\x02", b"PK\x07\x07"),
    ],
)
def test_a_zip_without_a_readable_directory_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    attachment = an_attachment(spoil(zip_of({"a.pdf": A_PDF * 20})))
    assert FindingCode.ATTACHMENT_ZIP_BROKEN in found(attachment)
    assert refused(attachment) == (FindingCode.ATTACHMENT_ZIP_BROKEN,)


def test_a_zip_with_damaged_content_is_refused_on_opening() -> None:
    content = bytearray(zip_of({"a.pdf": A_PDF * 20}))
    content[45] ^= 0xFF
    assert refused(an_attachment(bytes(content))) == (FindingCode.ATTACHMENT_ZIP_BROKEN,)


def test_an_encrypted_zip_is_refused() -> None:
    content = bytearray(zip_of({"a.pdf": A_PDF}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    attachment = an_attachment(bytes(content), content_type="application/zip")
    assert found(attachment) == (FindingCode.ATTACHMENT_ZIP_ENCRYPTED,)
    assert refused(attachment) == (FindingCode.ATTACHMENT_ZIP_ENCRYPTED,)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_compression_whose_memory_the_sender_chooses_is_refused(method: int) -> None:
    attachment = an_attachment(zip_of({"a.pdf": A_PDF}, method=method), content_type="application/zip")
    assert found(attachment) == (FindingCode.ATTACHMENT_ZIP_BROKEN,)
    assert refused(attachment) == (FindingCode.ATTACHMENT_ZIP_BROKEN,)


def test_a_zip_bomb_is_stopped_by_its_ratio() -> None:
    attachment = an_attachment(zip_of({"a.pdf": bytes(8 * MIB)}), content_type="application/zip")
    assert found(attachment) == (FindingCode.ATTACHMENT_ZIP_BOMB,)
    assert refused(attachment) == (FindingCode.ATTACHMENT_ZIP_BOMB,)


def test_a_zip_bomb_is_stopped_by_its_size() -> None:
    limits = replace(DEFAULT_LIMITS, attachment_bytes=4_000, zip_ratio=10_000)
    attachment = an_attachment(zip_of({"a.pdf": bytes(4_001)}), content_type="application/zip")
    assert refused(attachment, limits) == (FindingCode.ATTACHMENT_ZIP_BOMB,)
    assert opened(an_attachment(zip_of({"a.pdf": bytes(4_000)})), limits).content == bytes(4_000)


@pytest.mark.parametrize("declared", [10, 0])
def test_a_bomb_that_declares_a_small_size_yields_no_more_than_that(declared: int) -> None:
    content = bytearray(zip_of({"a.pdf": bytes(8 * MIB)}))
    struct.pack_into("<L", content, content.index(b"PK\x01\x02") + 24, declared)
    struct.pack_into("<L", content, 22, declared)
    assert refused(an_attachment(bytes(content))) == (FindingCode.ATTACHMENT_ZIP_BROKEN,)


def test_many_attachments_together_are_limited_by_what_they_unzip_to() -> None:
    limits = replace(DEFAULT_LIMITS, unzipped_bytes=3_000)
    pair = [
        an_attachment(zip_of({"a": bytes(1_501)}), content_id=str(n), attachment_name=f"{n}", content_type="")
        for n in range(2)
    ]
    assert found(*pair, limits=limits) == (FindingCode.ATTACHMENT_TOO_LARGE,)


@pytest.mark.parametrize("space", ["\n", "\r\n", " ", "\t"])
def test_base64_may_be_wrapped(space: str) -> None:
    encoded = base64.b64encode(A_PDF).decode()
    wrapped = space + space.join(encoded[at : at + 20] for at in range(0, len(encoded), 20)) + space
    assert opened(an_attachment(encoded=wrapped)).content == A_PDF
    assert found(an_attachment(encoded=wrapped)) == ()


@pytest.mark.parametrize(
    "encoded", ["QUJ", "QUJD=", "QU=D", "=", "QUJ*", "QUJ-", "Q_JD", "QUJệ", "QUJD\x0bQUJD", "====", "Q\u00a0UJD"]
)
def test_anything_but_base64_is_refused(encoded: str) -> None:
    attachment = an_attachment(encoded=encoded)
    assert found(attachment) == (FindingCode.ATTACHMENT_BASE64,)
    assert refused(attachment) == (FindingCode.ATTACHMENT_BASE64,)


def test_an_empty_attachment_is_told_and_opens_empty() -> None:
    attachment = an_attachment(b"")
    assert found(attachment) == (FindingCode.ATTACHMENT_EMPTY,)
    assert opened(attachment).content == b""


def test_an_attachment_above_its_limit_is_refused() -> None:
    limits = replace(DEFAULT_LIMITS, attachment_bytes=len(A_PDF) - 1)
    assert found(an_attachment(), limits=limits) == (FindingCode.ATTACHMENT_TOO_LARGE,)
    assert refused(an_attachment(), limits) == (FindingCode.ATTACHMENT_TOO_LARGE,)
    huge = an_attachment(encoded="A" * 4 * MIB)
    assert refused(huge, limits) == (FindingCode.ATTACHMENT_TOO_LARGE,)


@pytest.mark.parametrize(
    ("content", "declared"), [(OLE, "application/pdf"), (A_PDF, "application/zip"), (A_PDF, "text/plain")]
)
def test_a_wrong_content_type_is_told_and_the_bytes_decide(content: bytes, declared: str) -> None:
    attachment = an_attachment(content, content_type=declared)
    assert found(attachment) == (FindingCode.ATTACHMENT_TYPE,)
    assert opened(attachment).content == content


def test_the_manifest_and_the_attachments_are_held_against_each_other() -> None:
    one, two = an_attachment(), an_attachment(content_id="2", attachment_name="b.pdf")
    both = manifest_of((one, two))
    assert codes(check((one, two), both)) == ()
    assert codes(check((one,), both)) == (FindingCode.ATTACHMENT_MISSING,)
    assert codes(check((one, two), both[:1])) == (FindingCode.ATTACHMENT_UNLISTED,)
    assert codes(check((), both)) == (FindingCode.ATTACHMENT_MISSING,)
    assert codes(check((one, two, two), both)) == (
        FindingCode.ATTACHMENT_DUPLICATE_ID,
        FindingCode.ATTACHMENT_DUPLICATE_NAME,
    )
    assert codes(check((one, two), both[:1] * 2 + both[1:])) == (FindingCode.ATTACHMENT_DUPLICATE_ID,)


def test_a_finding_says_which_attachment_and_on_which_line() -> None:
    pair = (an_attachment(line=70), an_attachment(content_id="2", attachment_name="b.pdf", encoded="?", line=90))
    fault = check(pair, manifest_of(pair))[0]
    assert (fault.line, fault.xpath) == (90, "/edXML:edXML/edXML:AttachmentEncoded/edXML:Attachment[2]")


def test_two_attachments_may_share_a_name_and_it_is_told_once() -> None:
    three = [
        an_attachment(content_id=str(n), attachment_name=name) for n, name in enumerate(["a.pdf", "A.PDF", "a.pdf"])
    ]
    assert [each.code for each in check(three, manifest_of(three))] == [FindingCode.ATTACHMENT_DUPLICATE_NAME]


def test_other_names_in_the_manifest_are_told_but_not_other_spellings_of_unicode() -> None:
    attachment = an_attachment(attachment_name="Công văn.pdf")
    decomposed = replace(manifest_of((attachment,))[0], attachment_name="Co\u0302ng va\u0306n.pdf")
    assert check((attachment,), (decomposed,)) == ()
    other = replace(decomposed, attachment_name="Tờ trình.pdf")
    assert codes(check((attachment,), (other,))) == (FindingCode.ATTACHMENT_NAME_DIFFERS,)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Công văn 7816.SIGNED.PDF", "Công văn 7816.SIGNED.PDF"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\a.exe", "a.exe"),
        ("C:\\Users\\a\\b.doc", "b.doc"),
        ("C:b.doc", "b.doc"),
        ("/tmp/x", "x"),
        ("a/", "tep-dinh-kem"),
        ("..", "tep-dinh-kem"),
        ("", "tep-dinh-kem"),
        ("...hidden", "hidden"),
        (".htaccess", "htaccess"),
        ("a\x00b\x1f\n.pdf", "ab.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u200b.pdf\ufeff", "a.pdf"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("console.txt", "console.txt"),
        ("a.pdf. . ", "a.pdf"),
        ('a<b>:"|?*.doc', "a_b______.doc"),
        ("Co\u0302ng va\u0306n.pdf", "Công văn.pdf"),
    ],
)
def test_a_name_from_outside_becomes_one_harmless_component(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


@pytest.mark.parametrize("name", ["../a.pdf", "C:\\a.pdf", "a\u202e.pdf", "CON.pdf", "ệ" * 100 + ".pdf"])
def test_a_name_that_had_to_be_changed_is_told(name: str) -> None:
    fault = check((an_attachment(attachment_name=name),), manifest_of((an_attachment(attachment_name=name),)))[0]
    assert fault.code is FindingCode.ATTACHMENT_NAME_PATH
    assert "\u202e" not in fault.value


def test_a_long_name_keeps_its_ending() -> None:
    safe = safe_file_name("ệ" * 300 + ".pdf")
    assert safe.endswith("ệ.pdf")
    assert len(safe.encode()) <= 200


def test_a_taken_name_gets_a_number() -> None:
    assert safe_file_name("a.pdf", taken={"a.pdf"}) == "a (2).pdf"
    assert safe_file_name("A.pdf", taken={"a.pdf", "a (2).pdf"}) == "A (3).pdf"


@given(st.text(max_size=300), st.sets(st.text(max_size=5)))
def test_any_name_becomes_a_safe_one_that_stays_as_it_is(name: str, taken: set[str]) -> None:
    safe = safe_file_name(name, taken=taken)
    assert safe
    assert safe not in taken
    assert not set(safe) & set('/\\:\0\n\r<>"|?*')
    assert not safe.startswith((".", " "))
    assert len(safe.encode()) <= 200
    assert safe_file_name(safe) == safe


@given(st.binary(max_size=3_000), st.booleans())
def test_what_is_packed_is_what_is_opened(content: bytes, as_zip: bool) -> None:
    attachment = pack_attachment("Công văn.pdf", content, content_id="7", zipped=as_zip)
    if not content.startswith(b"PK"):
        file = opened(attachment)
        assert (file.name, file.content, file.zipped) == ("Công văn.pdf", content, as_zip)


def test_a_zip_is_not_zipped_again() -> None:
    content = zip_of({"a.pdf": A_PDF})
    assert opened(pack_attachment("a.zip", content, content_id="1", zipped=True)).content == content


def test_the_same_file_packs_to_the_same_bytes() -> None:
    first = pack_attachment("a.pdf", A_PDF, content_id="1", zipped=True)
    assert first == pack_attachment("a.pdf", A_PDF, content_id="1", zipped=True)
    assert (first.content_type, first.attachment_name) == ("application/zip", "a.pdf")


@given(st.binary(max_size=400), st.integers(0, 200), st.binary(max_size=20))
def test_any_damage_to_a_zip_is_a_finding_and_never_raises(tail: bytes, at: int, instead: bytes) -> None:
    content = zip_of({"a.pdf": A_PDF})
    content = content[:at] + instead + content[at + len(instead) :] + tail
    attachment = an_attachment(b"PK\x03\x04" + content[4:])
    check((attachment,), manifest_of((attachment,)))
    outcome = open_attachment(attachment)
    assert isinstance(outcome, OpenedAttachment) or outcome


def test_a_zip_whose_entry_has_no_name_is_no_crash() -> None:
    content = bytearray(zip_of({"a": b"%PDF-1.4"}))
    directory = content.find(b"PK\x01\x02")
    content[directory + 28 : directory + 30] = struct.pack("<H", 0)  # the length of the name
    attachment = pack_attachment("a.pdf", bytes(content), content_id="1")
    check((attachment,), manifest_of((attachment,)), DEFAULT_LIMITS)
    open_attachment(attachment, DEFAULT_LIMITS)


@given(st.data())
def test_no_mutant_of_a_zip_crashes_the_reader(data: st.DataObject) -> None:
    content = bytearray(zip_of({"văn bản.pdf": b"%PDF-1.4" + bytes(200), "b.txt": b"x"}))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    attachment = pack_attachment("a.pdf", bytes(content), content_id="1", content_type="application/zip")
    check((attachment,), manifest_of((attachment,)), DEFAULT_LIMITS)
    open_attachment(attachment, DEFAULT_LIMITS)
