"""A desk at which a document system that cannot sign hands in its envelopes, and the dirt that such systems make."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.desk import Desk
from agents.gateway.callers import Caller, Right
from agents.gateway.vouching import SoundEnvelope, VouchedEnvelope, vouch
from agents.packaging import Refusal
from agents.settings import OrganSettings, Settings
from agents.spool import Spool
from edxml_schemas.signatures import Signer
from edxml_schemas.vouched import Repair
from tests.support.hub_desk import NOW
from tests.support.pki import Credential, Pki

SYSTEM: Final = "vxp.saas.02"


@dataclass(frozen=True, slots=True)
class Counter:
    """One document system at one agent; every organ of the agent has the same key."""

    desk: Desk
    caller: Caller
    key: Credential

    @property
    def signer(self) -> Signer:
        return Signer(self.key.key, self.key.cert)

    def vouch(self, content: bytes, *, caller: Caller | None = None) -> VouchedEnvelope | SoundEnvelope | Refusal:
        return vouch(content, caller=caller or self.caller, desk=self.desk, now=NOW)

    def vouched(self, content: bytes) -> VouchedEnvelope:
        """What has to be vouched for."""
        outcome = self.vouch(content)
        assert isinstance(outcome, VouchedEnvelope), outcome
        return outcome


def counter(
    folder: Path, organs: Iterable[str], *, key: Credential | None = None, spool: Spool | None = None
) -> Counter:
    """`key` signs for all of them; a new one when it is left out, and a spool that stays open."""
    credential = key or Pki(NOW).issue("Cơ quan")
    key_file, cert_file = folder / "key.pem", folder / "cert.pem"
    key_file.touch(mode=0o600)
    key_file.write_bytes(credential.key_pem)
    cert_file.write_bytes(credential.cert_pem)
    own = tuple(OrganSettings(organ_id=each, key=key_file, cert=cert_file) for each in organs)
    settings = Settings(name="vpcp", spool=folder / "spool", organs=own)
    caller = Caller(
        key_id="k1",
        system_id=SYSTEM,
        organs=frozenset(each.organ_id for each in own),
        rights=frozenset({Right.SEND}),
    )
    return Counter(Desk(settings, spool or Spool.open(settings.spool)), caller, credential)


Dirt = Callable[[bytes], bytes]


def with_null_hop(content: bytes) -> bytes:
    """A hub on the way has appended a hop that says nothing."""
    hop = b"<edXML:TraceHeader><edXML:OrganId>null</edXML:OrganId><edXML:Timestamp>null</edXML:Timestamp>"
    end = b"</edXML:TraceHeaderList>"
    return content.replace(end, hop + b"</edXML:TraceHeader>" + end)


def with_remarks(content: bytes) -> bytes:
    start = b"<edXML:MessageHeader>"
    return content.replace(start, b"<!-- made by\n  a vendor --><?vendor 1?>" + start) + b"<!-- end -->"


def without_attachment_namespace(content: bytes) -> bytes:
    return content.replace(b"<AttachmentEncoded>", b'<AttachmentEncoded xmlns="">')


def with_undeclared_prefix(content: bytes) -> bytes:
    return content.replace(b"<edXML:Reference>", b'<edXML:Reference xlink:href="cid:1">')


DIRT: Final[dict[Repair, Dirt]] = {
    Repair.LEADING_BYTES: lambda content: b"1212" + content,
    Repair.TRAILING_BYTES: lambda content: content + b"\0\0\r\n\0",
    Repair.PREFIX_DECLARED: with_undeclared_prefix,
    Repair.ATTACHMENT_NAMESPACE: without_attachment_namespace,
    Repair.TRACE_HEADER_REMOVED: with_null_hop,
    Repair.REMARKS_REMOVED: with_remarks,
}
"""What each repair is there for; what has no manifest, attachments or hops stays without the dirt in them."""
