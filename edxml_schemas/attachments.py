"""Attachments: what travels as base64 in an envelope, and the file a person gets.

The zip rule. Only the bytes and the file name decide; the declared content type is often wrong.

1. Bytes that do not begin with `PK\\x03\\x04` are the file.
2. A name that ends in `.zip` says that the ZIP is the file.
3. A ZIP that is a document by itself (it holds `[Content_Types].xml`, as DOCX and XLSX do, or the marks of ODF, EPUB
   or JAR) is the file, whatever its name.
4. A ZIP that holds exactly one file is the zipped form: that entry is the file, under the attachment's name.
5. A ZIP of any other content is kept as it is.

ZIPs inside ZIPs are not followed.
"""

import io
import re
import unicodedata
import zipfile
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pybase64

from edxml_schemas.attached import zipped
from edxml_schemas.attached.file_names import safe_file_name
from edxml_schemas.catalogue import severity_of
from edxml_schemas.findings import Finding, FindingCode, Findings, Severity, finding
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Attachment, Reference

__all__ = ["OpenedAttachment", "check", "open_attachment", "pack_attachment", "safe_file_name"]

_ANY_CONTENT: Final = "application/octet-stream"
_ZIP_TYPES: Final = frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip"})
_SPACE: Final = b" \t\r\n"
_STARTS: Final = (
    (b"%PDF", "application/pdf"),
    (b"\xd0\xcf\x11\xe0", "application/msword"),
    (zipped.ZIP_START, "application/zip"),
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_TOLD_TYPES: Final = frozenset({"application/pdf", "text/plain", "image/png", "image/jpeg", *_ZIP_TYPES})
"""Declared types whose contradiction by the bytes is worth a note; the others are spelled in too many ways."""


_PLAIN_NAME: Final = re.compile(
    r"(?=.{1,50}\Z)(?!con|prn|aux|nul|com|lpt)\w+(?:[ ()+,-]+\w+)*(?:\.\w+)+", re.IGNORECASE
)
"""Words and endings, which no file system objects to: short, and without the names that Windows keeps for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAttachment:
    """A file as a person gets it: a safe name without path, its bytes, and whether it travelled zipped."""

    name: str
    content: bytes
    content_type: str
    zipped: bool


def check(
    attachments: Sequence[Attachment],
    manifest: Sequence[Reference],
    limits: Limits = DEFAULT_LIMITS,
    *,
    contents: Sequence[bytes] | None = None,
) -> Findings:
    """Every fault and remark about the attachments of one envelope; () when there is none. `contents` are what the
    attachments decode to, when that was done before.

    Decodes one attachment at a time and keeps none. Opens the directory of a ZIP, but inflates nothing: what a ZIP
    hides from its own directory is stopped when it is opened.
    """
    found = _match(attachments, manifest)
    total = 0
    for number, attachment in enumerate(attachments, 1):
        place = _place(number if len(attachments) > 1 else 0)
        found.extend(_name_findings(attachment, place))
        known = contents is not None and len(attachment.encoded) * 3 // 4 <= limits.attachment_bytes
        content = contents[number - 1] if contents is not None and known else _decode(attachment, limits)
        if not isinstance(content, bytes):
            found.extend(_placed(each, attachment, place) for each in content)
            continue
        content_size, faults = _judge_content(attachment, content, limits)
        total += content_size
        found.extend(_placed(each, attachment, place) for each in faults)
    if total > limits.unzipped_bytes:
        place = "/edXML:edXML/edXML:AttachmentEncoded"
        found.append(
            finding(
                FindingCode.ATTACHMENT_TOO_LARGE, xpath=place, value=str(total), size=total, limit=limits.unzipped_bytes
            )
        )
    if len(found) > limits.findings:  # what refuses must not be lost behind remarks
        found.sort(key=lambda each: severity_of(each.code) is not Severity.ERROR)
        del found[limits.findings :]
    return tuple(found)


def open_attachment(attachment: Attachment, limits: Limits = DEFAULT_LIMITS) -> OpenedAttachment | Findings:
    """The file an attachment stands for, by the zip rule, or why it cannot be had. Memory is bounded by `limits`."""
    content = _decode(attachment, limits)
    if not isinstance(content, bytes):
        return tuple(_placed(each, attachment, "") for each in content)
    name = safe_file_name(attachment.attachment_name)
    entry = _zipped_entry(attachment, content, limits)
    if entry is None:
        return OpenedAttachment(
            name=name, content=content, content_type=attachment.content_type or _type_of(content), zipped=False
        )
    if isinstance(entry, tuple):
        return tuple(_placed(each, attachment, "") for each in entry)
    faults = zipped.judge(entry, attachment.attachment_name, limits)
    inner = faults or zipped.inflate(content, entry, attachment.attachment_name, limits)
    if not isinstance(inner, bytes):
        return tuple(_placed(each, attachment, "") for each in inner)
    told = attachment.content_type
    content_type = told if told and told.lower() not in _ZIP_TYPES else _type_of(inner)
    return OpenedAttachment(name=name, content=inner, content_type=content_type, zipped=True)


def pack_attachment(
    name: str,
    content: bytes,
    *,
    content_id: str,
    zipped: bool = False,
    content_type: str | None = None,
    description: str = "",
) -> Attachment:
    """A file as an attachment. Zipped, it travels as a ZIP with one entry and says so in its content type.

    The same file always packs to the same bytes: the ZIP carries no time. A file that is called `.zip` is not zipped
    again, since nobody would unzip it.
    """
    if zipped and not _is_zip_name(name):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(safe_file_name(name)), content, compress_type=zipfile.ZIP_DEFLATED)
        content, content_type = buffer.getvalue(), "application/zip"
    return Attachment(
        content_id=content_id,
        attachment_name=name,
        description=description,
        content_type=content_type or _type_of(content),
        encoded=pybase64.b64encode_as_string(content),
    )


def _match(attachments: Sequence[Attachment], manifest: Sequence[Reference]) -> list[Finding]:
    """Holds the manifest and the attachments against each other, by ContentId without `cid:`."""
    if len(attachments) == len(manifest) == 1 and attachments[0].content_id == manifest[0].content_id:
        if attachments[0].attachment_name == manifest[0].attachment_name:
            return []
        listed = {manifest[0].content_id: manifest[0]}
        held = {attachments[0].content_id}
        repeated: list[str] = []
    else:
        listed = {each.content_id: each for each in manifest}
        held = {each.content_id for each in attachments}
        in_manifest = Counter(each.content_id for each in manifest)
        in_attachments = Counter(each.content_id for each in attachments)
        repeated = [key for key in in_manifest | in_attachments if in_manifest[key] > 1 or in_attachments[key] > 1]
    top = "/edXML:edXML/edXML:AttachmentEncoded"
    lines = {each.content_id: each.line for each in attachments}
    found = [
        finding(FindingCode.ATTACHMENT_DUPLICATE_ID, line=lines.get(key), xpath=top, value=key) for key in repeated
    ]
    manifest_place = "/edXML:edXML/edXML:edXMLEnvelope/edXML:edXMLBody/edXML:edXMLManifest"
    for number, reference in enumerate(manifest, 1):
        if reference.content_id not in held:
            place = f"{manifest_place}/edXML:Reference" + (f"[{number}]" if len(manifest) > 1 else "")
            shown = reference.attachment_name or reference.content_id
            found.append(finding(FindingCode.ATTACHMENT_MISSING, xpath=place, value=shown, name=shown))
    names: set[str] = set()
    told: set[str] = set()
    for number, attachment in enumerate(attachments, 1):
        place = _place(number if len(attachments) > 1 else 0)
        name = attachment.attachment_name
        line = attachment.line
        mate = listed.get(attachment.content_id)
        if mate is None:
            found.append(
                finding(FindingCode.ATTACHMENT_UNLISTED, line=line, xpath=place, value=name or attachment.content_id)
            )
        elif mate.attachment_name != name and _composed(mate.attachment_name) != _composed(name):
            at = f"{place}/edXML:AttachmentName"
            found.append(
                finding(
                    FindingCode.ATTACHMENT_NAME_DIFFERS, line=line, xpath=at, value=name, listed=mate.attachment_name
                )
            )
        key = _composed(name).casefold()
        if key in names and key not in told:
            told.add(key)
            found.append(finding(FindingCode.ATTACHMENT_DUPLICATE_NAME, line=line, xpath=place, value=name))
        names.add(key)
    return found


def _name_findings(attachment: Attachment, place: str) -> Findings:
    name = attachment.attachment_name
    if _is_plain(name) or safe_file_name(name) == _composed(name):
        return ()
    at = f"{place}/edXML:AttachmentName"
    shown = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in name)
    return (finding(FindingCode.ATTACHMENT_NAME_PATH, line=attachment.line, xpath=at, value=shown, name=shown),)


def _decode(attachment: Attachment, limits: Limits) -> bytes | Findings:
    """Strict base64: nothing but its alphabet, complete groups, and ASCII white space, which writers wrap it with."""
    encoded = attachment.encoded
    if len(encoded) * 3 // 4 > limits.attachment_bytes + len(encoded) // 16 + 2:
        return (_too_large(attachment, len(encoded) * 3 // 4, limits),)
    try:
        content = pybase64.b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        try:
            packed = encoded.encode("ascii").translate(None, _SPACE)
            content = pybase64.b64decode(packed, validate=True)
        except UnicodeEncodeError as error:
            odd = encoded[error.start : error.start + 1]
            return (_bad_base64(attachment, f"U+{ord(odd):04X} at {error.start}", odd),)
        except (Base64Error, ValueError) as error:
            return (_bad_base64(attachment, str(error), encoded[:40]),)
    if len(content) > limits.attachment_bytes:
        return (_too_large(attachment, len(content), limits),)
    return content


def _judge_content(attachment: Attachment, content: bytes, limits: Limits) -> tuple[int, Findings]:
    """The size a person's disk must hold, and what is odd about the content."""
    name = attachment.attachment_name
    if not content:
        return 0, (finding(FindingCode.ATTACHMENT_EMPTY, value=name, name=name),)
    found: list[Finding] = []
    size = len(content)
    actual = _type_of(content)
    declared = attachment.content_type.lower()
    entry = _zipped_entry(attachment, content, limits) if actual == "application/zip" else None
    if isinstance(entry, tuple):
        return size, entry
    if entry is not None:
        size = max(size, entry.file_size)
        found.extend(zipped.judge(entry, name, limits))
    elif actual == "application/zip" and not _is_zip_name(name):
        view = zipped.look(content, limits)
        if view is not None and not view.package and view.count > 1:
            found.append(finding(FindingCode.ATTACHMENT_ZIP_ENTRIES, value=name, name=name, count=view.count))
    if declared in _TOLD_TYPES and not _agree(declared, actual):
        found.append(finding(FindingCode.ATTACHMENT_TYPE, value=attachment.content_type, name=name, actual=actual))
    return size, tuple(found)


def _zipped_entry(attachment: Attachment, content: bytes, limits: Limits) -> zipfile.ZipInfo | Findings | None:
    """By the zip rule: the one entry to take out, None when the bytes are the file, or why neither can be said."""
    if not content.startswith(zipped.ZIP_START) or _is_zip_name(attachment.attachment_name):
        return None
    view = zipped.look(content, limits)
    if view is None:
        name = attachment.attachment_name
        return (finding(FindingCode.ATTACHMENT_ZIP_BROKEN, value=name, name=name, detail="no readable directory"),)
    if view.package or len(view.entries) != 1:
        return None
    return view.entries[0]


def _agree(declared: str, actual: str) -> bool:
    if declared in _ZIP_TYPES:
        return actual == "application/zip"
    return actual == declared or (actual == _ANY_CONTENT and declared == "text/plain")


def _type_of(content: bytes) -> str:
    return next((media for start, media in _STARTS if content.startswith(start)), _ANY_CONTENT)


def _is_zip_name(name: str) -> bool:
    return name.strip().lower().endswith(".zip")


def _is_plain(name: str) -> bool:
    """Whether nothing needs to be made safe in this name, seen at one glance. False says nothing."""
    return _PLAIN_NAME.fullmatch(name) is not None and unicodedata.is_normalized("NFC", name)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _place(number: int) -> str:
    return "/edXML:edXML/edXML:AttachmentEncoded/edXML:Attachment" + (f"[{number}]" if number else "")


def _placed(each: Finding, attachment: Attachment, place: str) -> Finding:
    return Finding(each.code, attachment.line, each.xpath or place, each.value, each.facts)


def _too_large(attachment: Attachment, size: int, limits: Limits) -> Finding:
    name = attachment.attachment_name
    return finding(FindingCode.ATTACHMENT_TOO_LARGE, value=name, name=name, size=size, limit=limits.attachment_bytes)


def _bad_base64(attachment: Attachment, detail: str, value: str) -> Finding:
    return finding(FindingCode.ATTACHMENT_BASE64, value=value, name=attachment.attachment_name, detail=detail)
