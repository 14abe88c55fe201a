"""What the hub knows when it decides: what one transaction has read, and what this batch has decided since."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from edxml_schemas.contract import MessageType
from router.core.records import Leg, MessageRecord, MessageState, MoveLeg, PutLeg
from router.core.registry import Registry
from router.core.routing import present_code

CodeKey = tuple[str, str, date | None]
"""Sender, `number/notation`, date of promulgation (None: any)."""


class Facts:
    """The working memory of one batch. Decisions read it; `absorb` makes a decision visible to the next ones.

    Legs that were read and are moved several times in one batch become one change, one version above the one read.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        messages: Mapping[str, MessageRecord] | None = None,
        same_content: Iterable[MessageRecord] = (),
        documents: Iterable[MessageRecord] = (),
        by_code: Mapping[CodeKey, Sequence[MessageRecord]] | None = None,
        legs: Mapping[str, Sequence[Leg]] | None = None,
    ) -> None:
        """`legs` may hold only those of a message that this batch can touch."""
        self.registry = registry
        self._messages = dict(messages or {})
        self._content: defaultdict[str, list[MessageRecord]] = defaultdict(list)
        self._documents: defaultdict[str, list[MessageRecord]] = defaultdict(list)
        self._by_code: dict[CodeKey, list[MessageRecord]] = {key: list(each) for key, each in (by_code or {}).items()}
        self._coded: defaultdict[tuple[str, str], list[MessageRecord]] = defaultdict(list)
        self._legs: dict[str, list[Leg]] = {key: list(each) for key, each in (legs or {}).items()}
        self._read_version = {leg.id: leg.version for each in self._legs.values() for leg in each}
        for message in same_content:
            self._content[message.content_digest].append(message)
        for message in documents:
            self._documents[message.document_id].append(message)
            self._messages[message.id] = message
        for found in self._by_code.values():
            self._messages.update((message.id, message) for message in found)

    def message(self, message_id: str) -> MessageRecord | None:
        return self._messages.get(message_id)

    def first_with_content(self, content_digest: str, sender: str) -> MessageRecord | None:
        """The accepted message of this sender (present code) that first carried this content."""
        if not content_digest:
            return None
        for message in self._content.get(content_digest, ()):
            if not message.duplicate_of and present_code(self.registry, message.sender) == sender:
                return message
        return None

    def documents_named(self, document_id: str) -> Sequence[MessageRecord]:
        """Accepted documents with this DocumentId, oldest first; repetitions of the same content left out."""
        return [each for each in self._documents.get(document_id, ()) if document_id and not each.duplicate_of]

    def documents_coded(self, sender: str, code: str, promulgated: date | None) -> Sequence[MessageRecord]:
        """Accepted documents of a sender (present code) by `number/notation` and, if given, date."""
        read = self._by_code.get((sender, code, promulgated), ())
        fresh = (
            each
            for each in self._coded.get((sender, code), ())
            if promulgated is None or each.promulgation_date == promulgated
        )
        found = {each.id: each for each in (*read, *fresh) if not each.duplicate_of}
        return list(found.values())

    def knows_content(self, content_digest: str) -> bool:
        """Whether anybody's message with this content was accepted."""
        return bool(self._content.get(content_digest))

    def legs_of(self, message_id: str) -> Sequence[Leg]:
        """The legs of a message that this batch may move, in order of recipients."""
        return self._legs.get(message_id, ())

    def leg_to(self, message_id: str, recipient: str) -> Leg | None:
        """The leg of a message to an organ (present code)."""
        for leg in self._legs.get(message_id, ()):
            if leg.recipient == recipient or present_code(self.registry, leg.recipient) == recipient:
                return leg
        return None

    def leg_named(self, message_id: str, recipient: str) -> Leg | None:
        """The leg to an organ (present code), or the one that carries for it to another organ."""
        leg = self.leg_to(message_id, recipient)
        if leg is not None:
            return leg
        for each in self._legs.get(message_id, ()):
            if each.forwarded_from and present_code(self.registry, each.forwarded_from) == recipient:
                return each
        return None

    def next_version(self, leg: Leg) -> int:
        """The version that a moved leg gets: that of a leg born in this batch stays 0."""
        read = self._read_version.get(leg.id)
        return 0 if read is None else read + 1

    def absorb(self, message: MessageRecord, legs: Iterable[PutLeg | MoveLeg]) -> None:
        """Make a decision visible to those that follow in the same batch."""
        self._messages[message.id] = message
        if message.state is MessageState.ACCEPTED:
            self._content[message.content_digest].append(message)
            if message.type is MessageType.DOCUMENT:
                self._documents[message.document_id].append(message)
                self._coded[message.sender, message.code].append(message)
        for change in legs:
            there = self._legs.setdefault(change.leg.message_id, [])
            place = next((index for index, leg in enumerate(there) if leg.id == change.leg.id), None)
            if place is None:
                there.append(change.leg)
            else:
                there[place] = change.leg
