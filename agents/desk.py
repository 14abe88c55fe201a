"""What an agency does with its agent, without the broker: send, look, take, report. Everything goes through the spool.

Synchronous, and in any process: `Agent.run` in one process moves what is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents.arrivals import Arrivals
from agents.errors import UnknownDocument, UnknownLeg
from agents.keys import Keyring
from agents.logs import logger
from agents.packaging import Package, Refusal, package, reason_required, status_of, submission
from agents.ports import Clock
from agents.settings import Settings
from agents.spool import Spool
from agents.spool.records import DoubtfulReceipt, InboxItem, NewSubmission, StoredReceipt, Submission, SubmissionKind
from agents.trail import Trail
from edxml_schemas import codec, drafts
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.model import Document, Envelope, Organ, StaffInfo
from edxml_schemas.secrecy import DEFAULT_SECRECY
from edxml_schemas.statuses import REASON_REQUIRED, StatusCode
from edxml_schemas.telemetry import NO_SPANS, Spans


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A document that was taken: where it came from, and its envelope byte for byte."""

    item: InboxItem
    envelope: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A submission with everything that was said of it, in the order in which it came."""

    submission: Submission
    receipts: Sequence[StoredReceipt]
    statuses: Sequence[InboxItem]
    doubtful: Sequence[DoubtfulReceipt] = ()


class Desk:
    """One agency's desk, for one or more organs. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        *,
        clock: Clock | None = None,
        spans: Spans = NO_SPANS,
        quiet: bool = False,
    ) -> None:
        """`quiet` is for a command of somebody who sees its result: no lines in the log beside it."""
        self.settings = settings
        self.spool = spool
        self.clock: Clock = clock or SystemClock()
        self.log = logger(settings.name)
        self.trail = Trail(self.log, agent=settings.name, spans=spans, quiet=quiet)
        self.keyring = Keyring(settings, log=self.log)
        self.arrivals = Arrivals(settings, spool, keyring=self.keyring, clock=self.clock, log=self.log)
        self._organs = tuple(organ.organ_id for organ in settings.organs)

    # ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, content: bytes | Envelope, *, submission_id: str | None = None, origin: str = "") -> str | Refusal:
        """Checks, signs and keeps an envelope or a draft; durable on return.

        Returns the submission id, or every reason why it was not taken. The same `submission_id` twice is one
        submission. Raises SpoolUnavailable, and UsageFault for an unusable key file.
        """
        began = self.clock.now()
        secrecy = DEFAULT_SECRECY if self.settings.refuse_secrets else None
        packed = package(content, keyring=self.keyring, organs=self._organs, secrecy=secrecy)
        if isinstance(packed, tuple):
            return packed
        new = submission(packed, submission_id=submission_id or str(uuid4()), now=self.clock.now(), origin=origin)
        self._keep(new, began=began)
        return new.submission_id

    def _keep(self, new: NewSubmission, *, began: datetime) -> None:
        if self.spool.add_submission(new):
            self.trail.kept(new, began=began, ended=self.clock.now())

    def send_draft(
        self, place: Path, files: Sequence[Path] = (), *, submission_id: str | None = None, origin: str = ""
    ) -> str | Refusal:
        """As `send`, from a metadata file with `files`, or a draft folder (see `edxml_schemas.drafts`)."""
        draft = drafts.load_draft(place, files, now=self.clock.now())
        if isinstance(draft, tuple):
            return draft
        return self.send(draft, submission_id=submission_id, origin=origin)

    def send_raw(
        self,
        content: bytes,
        *,
        type: MessageType = MessageType.DOCUMENT,  # noqa: A002  the property's name on the wire
        urgency: Urgency = Urgency.NORMAL,
        submission_id: str | None = None,
        about: Envelope | None = None,
    ) -> str:
        """Keeps bytes to be published as they are, unread and unsigned: a test of the hub. Returns the submission id.

        `about` is what the bytes are meant to say, so that answers find the submission; it may be left out.
        """
        raw = NewSubmission(
            submission_id=submission_id or str(uuid4()),
            kind=SubmissionKind.RAW,
            type=type,
            urgency=urgency,
            envelope=content,
            created_at=self.clock.now(),
        )
        if about is not None:
            meant = submission(
                Package(content=content, envelope=about), submission_id=raw.submission_id, now=raw.created_at
            )
            raw = replace(meant, kind=raw.kind, type=raw.type, urgency=raw.urgency)
        self.spool.add_submission(raw)
        return raw.submission_id

    # ── Receiving ───────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, *, everything: bool = False) -> Sequence[InboxItem]:
        """Documents that nobody took yet, or all that ever came, oldest first."""
        return self.spool.documents(taken=None if everything else False)

    def take(self, leg_id: str) -> Taken:
        """Marks a document as taken and hands out its bytes; any number of times. Raises UnknownLeg."""
        taken = self.look(leg_id)
        now = self.clock.now()
        self._told(self.spool.mark_taken(leg_id, now=now, said=self.arrivals.upon_taking(taken.item)), now=now)
        return taken

    def laid_out(self, item: InboxItem) -> None:
        """The folder connector has written the delivery down: the document system has it."""
        now = self.clock.now()
        self.spool.mark_exported(item.leg_id, now=now, said=self.arrivals.upon_taking(item))
        if item.taken_at is None:
            self.trail.taken(item, now=now)

    def look(self, leg_id: str) -> Taken:
        """As `take`, but the document stays untaken: for who must first bring the bytes to safety."""
        item = self._item(leg_id)
        return Taken(item=item, envelope=self.spool.envelope(item.digest))

    def report(
        self,
        leg_id: str,
        code: StatusCode,
        *,
        reason: str = "",
        staff: StaffInfo | None = None,
        submission_id: str | None = None,
        origin: str = "",
    ) -> str | Refusal:
        """Sends a status about a delivery to its sender. Returns the submission id or why not. Raises UnknownLeg.

        Who says anything but 02 about a document has it: it counts as taken.
        """
        item, began = self._item(leg_id), self.clock.now()
        packed = self.pack_status(item, code, reason=reason, staff=staff)
        if isinstance(packed, tuple):
            return packed
        new = self._status(packed, submission_id, item.urgency, leg_id, origin)
        known = submission_id is not None and self.spool.submission(submission_id) is not None
        if code is not StatusCode.RECEPTION_REFUSED:
            said = self.arrivals.upon_taking(item)
            if said is not None and code is StatusCode.ARRIVED:  # the two are one
                said = new = replace(new, submission_id=submission_id or said.submission_id)
            marked = self.spool.mark_taken(leg_id, now=new.created_at, said=said, along=new)
            self._told(marked, now=new.created_at)
        self.spool.add_submission(new)  # unless it was kept along with the mark
        if not known:
            self.trail.kept(new, began=began, ended=self.clock.now())
        return new.submission_id

    def _told(self, marked: tuple[InboxItem, bool] | None, *, now: datetime) -> None:
        """Says so when a delivery was taken now, and not before."""
        if marked is not None and marked[1]:
            self.trail.taken(marked[0], now=now)

    def pack_status(
        self, item: InboxItem, code: StatusCode, *, reason: str = "", staff: StaffInfo | None = None
    ) -> Package | Refusal:
        """A status about a document that came, signed by its recipient; keeps nothing."""
        if code is StatusCode.RECALL_REQUESTED:
            return (finding(FindingCode.STATUS_NOT_SENDER, value=item.document_id, sender=item.recipient),)
        if code in REASON_REQUIRED and not reason:
            return (reason_required(code),)
        original = self.arrivals.original(item)
        if original is None:
            return (finding(FindingCode.DOCUMENT_UNKNOWN_ORIGINAL, value=item.document_id or item.leg_id),)
        organ = self.settings.organ(item.recipient)
        message = status_of(
            original,
            sender=item.recipient,
            sender_name=organ.name if organ else "",
            towards=original.sender.organ_id,
            code=code,
            reason=reason,
            staff=staff,
            now=self.clock.now(),
        )
        return package(message, keyring=self.keyring, organs=self._organs)

    def recall(
        self, document: str, recipient: str, *, reason: str, submission_id: str | None = None, origin: str = ""
    ) -> str | Refusal:
        """Asks a recipient to give a document of ours back (13). `document` is its submission id, DocumentId or code.

        Returns the submission id or why not. Raises UnknownDocument.
        """
        found = [each for each in self.spool.find_submissions(document) if each.type is MessageType.DOCUMENT]
        if not found:
            raise UnknownDocument(document)
        decoded = codec.decode(self.spool.envelope(found[0].digest))
        if not isinstance(decoded, codec.Decoded) or not isinstance(decoded.envelope, Document):
            raise UnknownDocument(document)
        original, began = decoded.envelope, self.clock.now()
        if not reason:
            return (reason_required(StatusCode.RECALL_REQUESTED),)
        if recipient not in {each.organ_id for each in original.recipients}:
            return (finding(FindingCode.STATUS_NOT_RECIPIENT, value=original.document_id, sender=recipient),)
        message = replace(
            status_of(
                original,
                sender=original.sender.organ_id,
                towards=recipient,
                code=StatusCode.RECALL_REQUESTED,
                reason=reason,
                now=self.clock.now(),
            ),
            sender=Organ(organ_id=original.sender.organ_id, organ_name=original.sender.organ_name),
        )
        packed = package(message, keyring=self.keyring, organs=self._organs)
        if isinstance(packed, tuple):
            return packed
        new = self._status(packed, submission_id, found[0].urgency, "", origin)
        self._keep(new, began=began)
        return new.submission_id

    def _status(
        self, packed: Package, submission_id: str | None, urgency: Urgency, leg_id: str, origin: str
    ) -> NewSubmission:
        return submission(
            packed,
            submission_id=submission_id or str(uuid4()),
            now=self.clock.now(),
            urgency=urgency,
            about_leg=leg_id,
            origin=origin,
        )

    def _item(self, leg_id: str) -> InboxItem:
        item = self.spool.item(leg_id)
        if item is None or item.type is not MessageType.DOCUMENT:
            raise UnknownLeg(leg_id)
        return item

    # ── What became of it ───────────────────────────────────────────────────────────────────────────────────────────

    def sent(self, name: str = "", *, limit: int = 100) -> Sequence[Sent]:
        """Submissions by id, DocumentId or code, newest first, with receipts and the recipients' statuses."""
        return [self.told(each) for each in self.spool.find_submissions(name, limit=limit)]

    def told(self, submission: Submission) -> Sent:
        """A submission with everything that was said of it."""
        return Sent(
            submission=submission,
            receipts=self.spool.receipts_of(submission.submission_id),
            statuses=self.spool.statuses_about(submission_id=submission.submission_id),
            doubtful=self.spool.doubtful_receipts(submission.submission_id),
        )
