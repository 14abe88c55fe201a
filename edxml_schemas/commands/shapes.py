"""The JSON shapes of `--json`, and the same facts as rows for people."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.catalogue import as_dict, errors, lgsp_of
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Attachment, Document, Envelope

if TYPE_CHECKING:
    from cryptography import x509

    from edxml_schemas.judgement import Judgement
    from edxml_schemas.signatures import Signed


def judgement_shape(name: str, judgement: "Judgement") -> dict[str, object]:
    """One element of the array that `edxml check --json` prints."""
    faults = (*judgement.structure, *judgement.attachments, *judgement.signature)
    return {
        "file": name,
        "verdict": judgement.verdict.value,
        "kind": judgement.kind.value if judgement.kind else None,
        "summary": judgement.summary.as_dict(),
        "would_be_accepted_if": [each.as_dict() for each in judgement.would_be_accepted_if],
        "lgsp": lgsp_of(errors(faults)),
        "schema": [as_dict(each) for each in judgement.structure],
        "attachments": [as_dict(each) for each in judgement.attachments],
        "signature": signature_shape(judgement),
        "remarks": [as_dict(each) for each in judgement.remarks],
        "document": identity_shape(judgement.envelope),
        "digest": judgement.digest,
        "size": judgement.size,
    }


def signature_shape(judgement: "Judgement") -> dict[str, object]:
    """State, findings and, when sound, the certificate."""
    signed = judgement.signed
    return {
        "state": judgement.signature_state.value,
        "findings": [as_dict(each) for each in judgement.signature],
        "algorithm": signed.algorithm if signed else None,
        "certificate": signed_shape(signed) if signed else None,
    }


def signed_shape(signed: "Signed") -> dict[str, str]:
    """The signing certificate."""
    return {**certificate_shape(signed.certificate), "fingerprint": signed.fingerprint}


def certificate_shape(certificate: "x509.Certificate") -> dict[str, str]:
    """Subject, issuer, serial number (hexadecimal) and validity (UTC) of a certificate."""
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }


def identity_shape(envelope: Envelope | None) -> dict[str, object] | None:
    """Which document this is: document_id, code, from, to, subject or status_code; None when it could not be read."""
    if envelope is None:
        return None
    if isinstance(envelope, Document):
        return {
            "document_id": envelope.document_id,
            "code": str(envelope.code),
            "from": envelope.sender.organ_id,
            "to": [each.organ_id for each in envelope.recipients],
            "subject": envelope.subject,
            "bussiness_doc_type": int(envelope.bussiness.bussiness_doc_type),
            "priority": int(envelope.other_info.priority),
        }
    return {
        "document_id": envelope.response_for.document_id,
        "code": envelope.response_for.code,
        "from": envelope.sender.organ_id,
        "to": [envelope.response_for.organ_id],
        "status_code": envelope.status_code,
        "description": envelope.description,
    }


def envelope_shape(envelope: Envelope) -> dict[str, object]:
    """Every field of an envelope under the keys of a draft (`from`, `to`), without the attachments' content."""
    shape: dict[str, object] = {}
    for each in fields(envelope):
        if each.name == "attachments":
            continue
        key = {"sender": "from", "recipients": "to", "trace_headers": "trace_header_list"}.get(each.name, each.name)
        shape[key] = _plain(getattr(envelope, each.name))
    return shape


def attachment_shape(attachment: Attachment) -> dict[str, object]:
    """An attachment opened: name, content type, size and SHA-256 of the file itself; or why it cannot be opened."""
    opened = open_attachment(attachment, DEFAULT_LIMITS)
    shape: dict[str, object] = {
        "content_id": attachment.content_id,
        "attachment_name": attachment.attachment_name,
        "description": attachment.description,
        "stated_content_type": attachment.content_type,
    }
    if not isinstance(opened, OpenedAttachment):
        return {**shape, "findings": [as_dict(each) for each in opened]}
    return {
        **shape,
        "name": opened.name,
        "content_type": opened.content_type,
        "zipped": opened.zipped,
        "size": len(opened.content),
        "digest": hashlib.sha256(opened.content).hexdigest(),
    }


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
