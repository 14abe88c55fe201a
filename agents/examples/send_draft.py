"""Send a draft with files: what people know of the letter, and the files to attach."""

from datetime import UTC, datetime
from pathlib import Path

from agents.agent import Agent
from agents.packaging import Refusal
from edxml_schemas.drafts import draft_from_mapping


async def send_with_files(agent: Agent, files: list[Path], *, sender: str, recipients: list[str]) -> str | Refusal:
    """The submission id, or everything that is wrong. Keys of a draft: `edxml_schemas/README.md`."""
    draft = draft_from_mapping(
        {
            "from": {"organ_id": sender},
            "to": recipients,
            "code": {"code_number": "7816", "code_notation": "VPCP-TTĐT"},
            "subject": "Về việc kết nối, liên thông",
            "other_info": {"priority": 1},
        },
        files,
        now=datetime.now(UTC),
    )
    return draft if isinstance(draft, tuple) else await agent.send(draft)


async def send_folder(agent: Agent, folder: Path) -> str | Refusal:
    """As above, from a folder with `document.toml` and the files."""
    return await agent.send_draft(folder)
