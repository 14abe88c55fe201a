"""What the demo checks of receipts: each one that an agent keeps is the hub's, and none that is due is missing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.settings import load_settings
from agents.spool import Spool
from agents.spool.records import StoredReceipt
from edxml_schemas.contract import MessageType
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.signed_receipts import HubTrust, SignedReceipt, open_receipt
from router.core.receipts import verdict_of
from router.core.records import LegState
from router.services.tracing import Trace
from tests.demo.country import AGENTS, Papers


def hub_certificate(papers: Papers) -> Path:
    return papers.folder / "hub" / "hub" / "hub.cert.pem"


def verified(papers: Papers) -> tuple[int, list[str]]:
    """How many receipts the agents keep, and every one of them that the hub did not sign."""
    hub = HubTrust.from_pem(hub_certificate(papers).read_bytes())
    good, wrong = 0, []
    for name in AGENTS:
        with Spool.open(load_settings(papers.agent_settings(name)).spool) as spool:
            for submission in spool.find_submissions(limit=10_000, self_tests=None):
                for each in spool.receipts_of(submission.submission_id):
                    opened = open_receipt(each.body, hub)
                    if isinstance(opened, SignedReceipt) and each.fingerprint == opened.fingerprint:
                        good += 1
                    else:
                        wrong.append(f"{name}: {each.kind} {each.receipt_id}: không do trục ký · not the hub's")
            wrong += [f"{name}: {each.findings}" for each in spool.doubtful_receipts()]
    return good, wrong


def missing(traced: Sequence[Trace], papers: Papers) -> Iterator[str]:
    """Receipts that the submitting agents should have by now and do not have."""
    for name in AGENTS:
        with Spool.open(load_settings(papers.agent_settings(name)).spool) as spool:
            for each in traced:
                if each.message.agent == name:
                    yield from _missing(each, spool.receipts_of(each.message.submission_id))


def _missing(traced: Trace, kept: Sequence[StoredReceipt]) -> Iterator[str]:
    message = traced.message
    there = {(each.kind, each.recipient) for each in kept}
    due = {(verdict_of(message).value, "")}
    if message.type is MessageType.DOCUMENT:
        for row in traced.legs:
            if row.leg.state is LegState.DELIVERED:
                due |= {(kind.value, row.leg.recipient) for kind in (ReceiptKind.HANDED_OVER, ReceiptKind.DELIVERED)}
    for kind, recipient in sorted(due - there):
        yield f"{message.submission_id}: thiếu biên nhận · no receipt {kind} {recipient}".rstrip()
