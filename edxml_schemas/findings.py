"""Faults and remarks as values. What a code means to people stands in `catalogue.py`, one row per code."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edxml_schemas.visible import visible

VALUE_CHARS: Final = 200  # longest quotation of a value in a finding


class Severity(StrEnum):
    """How much a finding weighs: an error refuses, a warning asks for a hand, a note only tells."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingCode(StrEnum):
    """Every fault the house can name. The value is stable: wire, log, screen and documentation use it."""

    # Bytes and XML
    XML_EMPTY = "xml.empty"
    XML_NOT_XML = "xml.not-xml"
    XML_LEADING_BYTES = "xml.leading-bytes"
    XML_NOT_WELL_FORMED = "xml.not-well-formed"
    XML_UNBOUND_PREFIX = "xml.unbound-prefix"
    XML_ENCODING = "xml.encoding"
    XML_NUL = "xml.nul-byte"
    XML_DTD = "xml.dtd"
    XML_XINCLUDE = "xml.xinclude"
    XML_TOO_LARGE = "xml.too-large"
    XML_TOO_DEEP = "xml.too-deep"
    XML_TOO_MANY_ELEMENTS = "xml.too-many-elements"
    XML_TOO_MANY_ATTRIBUTES = "xml.too-many-attributes"
    XML_ATTRIBUTE_TOO_LONG = "xml.attribute-too-long"
    # Schema and the rules beside it
    SCHEMA_ROOT = "schema.root"
    SCHEMA_KIND = "schema.kind"
    SCHEMA_UNKNOWN_ELEMENT = "schema.unknown-element"
    SCHEMA_UNKNOWN_ATTRIBUTE = "schema.unknown-attribute"
    SCHEMA_BAD_VALUE = "schema.bad-value"
    SCHEMA_TOO_LONG = "schema.too-long"
    SCHEMA_MISSING = "schema.missing-element"
    SCHEMA_REPEATED = "schema.repeated-element"
    SCHEMA_TOO_MANY = "schema.too-many"
    SCHEMA_TEXT = "schema.stray-text"
    SCHEMA_MORE = "schema.more-faults"
    # Addressing inside the envelope
    RECIPIENT_REPEATED = "recipient.repeated"
    ORGAN_CODE_FORM = "organ.code-form"
    DOCUMENT_ID_FORM = "document.id-form"
    DOCUMENT_ID_FOREIGN = "document.id-foreign"
    # Attachments
    ATTACHMENT_MISSING = "attachment.missing"
    ATTACHMENT_UNLISTED = "attachment.unlisted"
    ATTACHMENT_DUPLICATE_ID = "attachment.duplicate-id"
    ATTACHMENT_DUPLICATE_NAME = "attachment.duplicate-name"
    ATTACHMENT_NAME_PATH = "attachment.name-is-path"
    ATTACHMENT_NAME_DIFFERS = "attachment.name-differs"
    ATTACHMENT_TYPE = "attachment.content-type"
    ATTACHMENT_BASE64 = "attachment.bad-base64"
    ATTACHMENT_EMPTY = "attachment.empty"
    ATTACHMENT_TOO_LARGE = "attachment.too-large"
    ATTACHMENT_ZIP_BROKEN = "attachment.zip-broken"
    ATTACHMENT_ZIP_BOMB = "attachment.zip-bomb"
    ATTACHMENT_ZIP_ENTRIES = "attachment.zip-entries"
    ATTACHMENT_ZIP_ENCRYPTED = "attachment.zip-encrypted"
    # Signature: is what was signed what is here?
    SIGNATURE_MISSING = "signature.missing"
    SIGNATURE_DECORATIVE = "signature.decorative"
    SIGNATURE_SEVERAL = "signature.several"
    SIGNATURE_MISPLACED = "signature.misplaced"
    SIGNATURE_MALFORMED = "signature.malformed"
    SIGNATURE_ALGORITHM = "signature.algorithm"
    SIGNATURE_TRANSFORM = "signature.transform"
    SIGNATURE_REFERENCE = "signature.reference"
    SIGNATURE_COMMENT = "signature.comment"
    SIGNATURE_KEY_INFO = "signature.key-info"
    SIGNATURE_CERTIFICATE = "signature.certificate"
    SIGNATURE_WEAK_KEY = "signature.weak-key"
    SIGNATURE_DIGEST = "signature.digest-mismatch"
    SIGNATURE_VALUE = "signature.value-mismatch"
    VOUCHING_DIFFERS = "vouching.differs"
    # Trust: may that key sign?
    TRUST_UNKNOWN_ISSUER = "trust.unknown-issuer"
    TRUST_CHAIN = "trust.chain"
    TRUST_EXPIRED = "trust.expired"
    TRUST_NOT_YET_VALID = "trust.not-yet-valid"
    TRUST_KEY_USAGE = "trust.key-usage"
    TRUST_REVOKED = "trust.revoked"
    TRUST_REVOCATION_UNKNOWN = "trust.revocation-unknown"
    # Registry: who speaks for whom, who receives
    SENDER_UNKNOWN = "sender.unknown"
    SENDER_LOCKED = "sender.locked"
    SENDER_CERTIFICATE = "sender.certificate-not-bound"
    SENDER_AGENT = "sender.agent-not-allowed"
    RECIPIENT_UNKNOWN = "recipient.unknown"
    RECIPIENT_LOCKED = "recipient.locked"
    RECIPIENT_NO_AGENT = "recipient.no-agent"
    RECIPIENT_HELD = "recipient.held"
    RECIPIENT_FORWARDED = "recipient.forwarded"
    # What the axis does not carry
    POLICY_STATE_SECRET = "policy.state-secret"  # noqa: S105  a code, no password
    # Lifecycle: documents that speak about documents
    DOCUMENT_DUPLICATE = "document.duplicate"
    DOCUMENT_ID_CONFLICT = "document.id-conflict"
    DOCUMENT_UNKNOWN_ORIGINAL = "document.unknown-original"
    DOCUMENT_NOT_OWNER = "document.not-owner"
    DOCUMENT_NAMES_NOTHING = "document.names-nothing"
    STATUS_NOT_RECIPIENT = "status.not-recipient"
    STATUS_NOT_SENDER = "status.not-sender"
    STATUS_ILLEGAL = "status.illegal"
    STATUS_REASON = "status.reason-required"
    # Transport
    TRANSPORT_IDENTITY = "transport.identity"
    TRANSPORT_DIGEST = "transport.digest-mismatch"
    TRANSPORT_CLAIM = "transport.claim-missing"
    TRANSPORT_HEADERS = "transport.headers"
    RECEIPT_SIGNER = "receipt.foreign-signer"
    HUB_FAILURE = "hub.failure"
    # Tolerated habits, told so that vendors can mend them
    COMPAT_BUSINESS_SPELLING = "compat.business-spelling"
    COMPAT_BUSSINESS_MISSING = "compat.bussiness-missing"
    COMPAT_TRACE_ORGAN = "compat.trace-organ"
    COMPAT_EMPTY_RESPONSE_FOR = "compat.empty-response-for"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault or remark: which code, where, and the value found there.

    `line` counts from 1 and is None when the place has no line. `xpath` uses the prefix `edXML` for the EDXML
    namespace. `value` is what was found (shortened to 200 characters). `facts` fill the catalogue's texts, as pairs
    of name and text (for example `("limit", "5000")`).
    """

    code: FindingCode
    line: int | None = None
    xpath: str = ""
    value: str = ""
    facts: tuple[tuple[str, str], ...] = ()


Findings = tuple[Finding, ...]


def finding(
    code: FindingCode, *, line: int | None = None, xpath: str = "", value: str = "", **facts: object
) -> Finding:
    """A finding with its value shortened for quotation, its facts as text, and nothing in them that cannot be seen."""
    shown = visible(value if len(value) <= VALUE_CHARS else value[:VALUE_CHARS] + "…")
    return Finding(code, line, xpath, shown, tuple((name, visible(str(fact))) for name, fact in facts.items()))


def codes(findings: Iterable[Finding]) -> tuple[FindingCode, ...]:
    """The codes of findings, in order, each once."""
    return tuple(dict.fromkeys(each.code for each in findings))
