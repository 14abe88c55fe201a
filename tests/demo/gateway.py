"""The demo's gateway: a key for the city's document system, and a short exchange over dialect A as that system does it.

The city writes to its own health department, which the same system serves, and to the government office.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console

from agents.gateway.access.store import AccessStore
from agents.gateway.callers import Right
from agents.settings import load_settings
from edxml_schemas import codec
from edxml_schemas.model import Bussiness, Code, Document, TraceHeader
from tests.demo.country import BEHIND_GATEWAY, BODIES, GATEWAY, Papers
from tests.support.envelopes import DECORATIVE_SIGNATURE, VIETNAM, a_document, an_organ, envelope_bytes
from tests.support.vxp_client import VxpClient

SYSTEM: Final = "vxp.saas.91"
PATIENCE: Final = 60.0  # seconds until a document that was sent is there to be fetched
PAUSE: Final = 0.2  # seconds between two questions


class ExchangeFailed(RuntimeError):
    """Something did not come, or came otherwise than it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VxpAccess:
    """What a document system needs to be told. `recipients` has at least one that the same system serves."""

    endpoint: str
    system_id: str
    secret: str = field(repr=False)
    organs: tuple[str, ...]
    recipients: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For `.demo/demo.json`."""
        return asdict(self)


def open_access(papers: Papers, endpoint: str) -> VxpAccess:
    """Makes the key of the city's document system."""
    settings = load_settings(papers.agent_settings(GATEWAY))
    organs = tuple(body.organ_id for body in BEHIND_GATEWAY)
    with AccessStore.open(settings.spool) as store:
        new = store.add(
            name="Hệ thống quản lý văn bản Sông Hàn",
            system_id=SYSTEM,
            organs=organs,
            rights=(Right.SEND, Right.RECEIVE),
            now=datetime.now(UTC),
        )
    others = tuple(body.organ_id for body in BODIES)
    return VxpAccess(
        endpoint=endpoint, system_id=SYSTEM, secret=new.secret, organs=organs, recipients=(organs[1], *others)
    )


def exchange(access: VxpAccess, console: Console) -> bool:
    """Sends a letter as an old document system writes it, fetches the copy that comes back, and marks it done."""
    console.print(
        f"• hệ thống văn bản {SYSTEM} qua cổng VXP · a document system through the gateway: {access.endpoint}"
    )
    try:
        with _client(access) as client:
            _exchange(client, access, console)
    except (ExchangeFailed, OSError, AssertionError) as problem:
        console.print(f"✗ {problem}", style="red", markup=False)
        return False
    console.print("[green]✓ gửi, nhận, đánh dấu xong qua cổng VXP · sent, fetched and marked done through the gateway")
    return True


def _exchange(client: VxpClient, access: VxpAccess, console: Console) -> None:
    sender, mine = access.organs
    letter = _letter(sender, (mine, access.recipients[1]))
    sent = client.send(envelope_bytes(letter, signature=DECORATIVE_SIGNATURE), sender=sender).members
    if sent["status"] != "OK":
        raise ExchangeFailed(f"sendEdoc: {sent['ErrorCode']} {sent['ErrorDesc']}")
    console.print(f"  sendEdoc: DocId {sent['DocId']}", markup=False, highlight=False)
    came = _await_letter(client, sender, mine)
    decoded = codec.decode(client.envelope(came))
    found = decoded.envelope if isinstance(decoded, codec.Decoded) else None
    if not isinstance(found, Document) or found.document_id != letter.document_id:
        raise ExchangeFailed(f"getEdoc {came}: not the letter that was sent")
    console.print(f"  getEdoc: {found.document_id}", markup=False, highlight=False)
    marked = client.mark(came, "done").members
    if marked["status"] != "OK" or came in _listed(client, sender, mine):
        raise ExchangeFailed(f"updateStatus {came}: {marked['ErrorCode']} {marked['ErrorDesc']}")
    console.print("  updateStatus: done", markup=False, highlight=False)


def _letter(sender: str, recipients: tuple[str, ...]) -> Document:
    now = datetime.now(UTC)
    code = Code(code_number=f"{now:%H%M%S}", code_notation="UBND-VP")
    document_id = f"{sender},{now:%Y/%m/%d},{code}"
    return a_document(
        sender=an_organ(sender, organ_name=BEHIND_GATEWAY[0].name),
        recipients=tuple(an_organ(each) for each in recipients),
        document_id=document_id,
        code=code,
        subject="Về việc kết nối hệ thống quản lý văn bản với trục liên thông",
        due_date=None,
        trace_headers=(TraceHeader(organ_id=sender, timestamp=now.astimezone(VIETNAM)),),
        bussiness=Bussiness(document_id=document_id),
    )


def _await_letter(client: VxpClient, sender: str, recipient: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        listed = _listed(client, sender, recipient)
        if listed:
            return listed[-1]
        time.sleep(PAUSE)
    raise ExchangeFailed(f"getReceivedEdocList: nothing from {sender} to {recipient} within {PATIENCE:.0f} s")


def _listed(client: VxpClient, sender: str, recipient: str) -> list[str]:
    rows = client.received().members["data"]
    return [row["docId"] for row in rows if row["from"] == sender and row["to"] == recipient]


@contextmanager
def _client(access: VxpAccess) -> Iterator[VxpClient]:
    """The system's client, once the gateway listens."""
    address = urlsplit(access.endpoint)
    client = VxpClient(
        host=address.hostname or "",
        port=address.port or 0,
        system_id=access.system_id,
        secret=access.secret,
        created=datetime.now(),  # noqa: DTZ005  the client's local time, as it writes it
    )
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                client.count()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE)
        yield client
    finally:
        client.close()
