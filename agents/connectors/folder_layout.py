"""How a delivery looks as files: envelope.edxml, document.json, and the attachments under safe names."""

from pathlib import Path
from typing import Final

from agents.connectors.folder_files import write_json
from agents.packaging import refusal_as_dicts
from agents.sent_view import item_as_dict
from agents.spool.bodies import write_durably
from agents.spool.records import InboxItem
from edxml_schemas import codec
from edxml_schemas.attached.file_names import safe_file_name
from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.model import Document
from edxml_schemas.statuses import StatusCode

STATUS_NAMES: Final = ("status.toml", "status.json")
OWN_NAMES: Final = frozenset(
    {"envelope.edxml", "document.json", "statuses.json", "status.result.json", *STATUS_NAMES}
    | {f"status-{code}.{ending}" for code in StatusCode for ending in ("toml", "json", "result.json")}
)
"""Names an attachment must not take, in any letter case."""


def write_delivery(folder: Path, item: InboxItem, envelope: bytes, *, place: str = "") -> dict[str, object]:
    """Writes a delivery into a folder and returns what stands in its document.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "envelope.edxml", envelope)
    shown = {**item_as_dict(item), "place": place, "attachments": _write_files(folder, envelope)}
    shown.pop("taken_at")
    write_json(folder / "document.json", shown)
    return shown


def _write_files(folder: Path, envelope: bytes) -> list[dict[str, object]]:
    """Attachments as files; one that cannot be opened is told of in document.json, the envelope still has it."""
    decoded = codec.decode(envelope)
    document = decoded.envelope if isinstance(decoded, codec.Decoded) else None
    told: list[dict[str, object]] = []
    taken = set(OWN_NAMES)
    for attachment in document.attachments if isinstance(document, Document) else ():
        entry: dict[str, object] = {
            "content_id": attachment.content_id,
            "attachment_name": attachment.attachment_name,
            "description": attachment.description,
        }
        opened = open_attachment(attachment)
        if isinstance(opened, OpenedAttachment):
            name = safe_file_name(opened.name, taken=taken)
            taken |= {name, name.casefold()}
            write_durably(folder / name, opened.content)
            entry |= {"file": name, "size": len(opened.content), "content_type": opened.content_type}
        else:
            entry["findings"] = refusal_as_dicts(opened)
        told.append(entry)
    return told
