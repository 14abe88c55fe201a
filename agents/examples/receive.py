"""Receive documents and take them: first bring them to safety, then say that you have them."""

import asyncio
from pathlib import Path

from agents.agent import Agent
from edxml_schemas import codec
from edxml_schemas.attached.file_names import safe_file_name
from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.model import Document


async def receive_into(agent: Agent, folder: Path) -> list[str]:
    """Writes the files of every document that nobody took yet; the leg ids of what was taken."""
    taken = []
    for item in await agent.receive():
        looked = await asyncio.to_thread(agent.desk.look, item.leg_id)  # stays untaken if this program dies here
        decoded = codec.decode(looked.envelope)
        if isinstance(decoded, codec.Decoded) and isinstance(decoded.envelope, Document):
            await asyncio.to_thread(write_files, decoded.envelope, folder / safe_file_name(item.leg_id))
        await agent.take(item.leg_id)
        taken.append(item.leg_id)
    return taken


def write_files(document: Document, folder: Path) -> None:
    """Attachments, decoded and unzipped, under names that are safe and differ."""
    folder.mkdir(parents=True, exist_ok=True)
    names: set[str] = set()
    for attachment in document.attachments:
        opened = open_attachment(attachment)
        if isinstance(opened, OpenedAttachment):
            name = safe_file_name(opened.name, taken=names)
            names |= {name, name.casefold()}
            (folder / name).write_bytes(opened.content)
