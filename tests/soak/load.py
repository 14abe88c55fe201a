"""What is sent: documents of mixed sizes by seed, some of which must be refused, and who puts them into the spools."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from agents.packaging import Package, submission
from agents.spool.records import NewSubmission, SubmissionKind
from edxml_schemas.model import Code, Document, Organ, OtherInfo, PromulgationInfo
from edxml_schemas.signatures import sign
from edxml_schemas.statuses import Priority
from tests.soak.country import LONELY, ORGANS, UNKNOWN, Country
from tests.soak.ledger import Entry, Fate
from tests.support.envelopes import a_lean_document, of_size

SMALL: Final = 4 * 2**10
MEDIUM: Final = 100 * 2**10
LARGE: Final = (2**20 + 2**16, 2**20 + 2**19)
"""Bytes; all above the size from which an envelope travels as a claim check."""
RECIPIENTS: Final = (1, 2, 3, 4, 5)
RECIPIENT_WEIGHTS: Final = (40, 25, 15, 10, 10)
URGENT: Final = 0.15
FAULTS_EVERY: Final = 25
"""One in so many documents has something about it: refused, sent twice, held."""
A_DAY: Final = date(2026, 1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One submission, ready to be put into its agent's spool."""

    entry: Entry
    new: NewSubmission = field(repr=False)


class Load:
    """`count` documents by seed. A document that is sent twice, or has a rival, makes two submissions."""

    def __init__(self, country: Country, *, seed: int, count: int) -> None:
        self._country = country
        self._random = random.Random(seed)  # noqa: S311  a plan, no secret
        self._count = count

    def __iter__(self) -> Iterator[Drop]:
        oddities = (self._unknown, self._forged, self._misshapen, self._twins, self._rivals, self._lonely)
        turn = 0
        for number in range(1, self._count + 1):
            if number % FAULTS_EVERY == 0:
                yield from oddities[turn % len(oddities)](number)
                turn += 1
            else:
                document = self._document(number)
                yield self._drop(document, self._signed(document, number))

    # ── One document ────────────────────────────────────────────────────────────────────────────────────────────────

    def _document(self, number: int) -> Document:
        chance = self._random
        sender = chance.choice(ORGANS)
        wanted = chance.choices(RECIPIENTS, RECIPIENT_WEIGHTS)[0]
        others = [each for each in ORGANS if each is not sender]
        code = Code(code_number=str(number), code_notation="GN")
        urgent = chance.random() < URGENT
        return a_lean_document(
            sender=Organ(organ_id=sender.code, organ_name=sender.name),
            recipients=tuple(Organ(organ_id=each.code, organ_name=each.name) for each in chance.sample(others, wanted)),
            code=code,
            document_id=f"{sender.code},{A_DAY:%Y/%m/%d},{code}",
            promulgation_info=PromulgationInfo(place="Hà Nội", promulgation_date=A_DAY),
            subject=f"Văn bản gian nan số {number}",
            content=f"Văn bản gian nan số {number}",
            other_info=OtherInfo(priority=Priority.FLASH if urgent else Priority.NORMAL),
        )

    def _signed(self, document: Document, number: int) -> bytes:
        return sign(of_size(self._size(), document, seed=number), self._country.signers[document.sender.organ_id])

    def _size(self) -> int:
        draw = self._random.random()
        if draw < 0.01:
            return self._random.randint(*LARGE)
        return MEDIUM if draw < 0.08 else SMALL

    def _drop(
        self,
        document: Document,
        content: bytes,
        *,
        fate: Fate = Fate.ACCEPTED,
        group: str = "",
        codes: tuple[str, ...] = (),
    ) -> Drop:
        agent = next(each.agent for each in ORGANS if each.code == document.sender.organ_id)
        new = submission(
            Package(content=content, envelope=document),
            submission_id=str(UUID(int=self._random.getrandbits(128), version=4)),
            now=datetime.now(UTC),
        )
        if fate is Fate.REFUSED:
            new = replace(new, kind=SubmissionKind.RAW)
        entry = Entry(
            submission_id=new.submission_id,
            agent=agent,
            sender=document.sender.organ_id,
            recipients=tuple(each.organ_id for each in document.recipients),
            document_id=document.document_id,
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            urgent=document.other_info.priority >= Priority.URGENT,
            fate=fate,
            group=group,
            codes=codes,
        )
        return Drop(entry=entry, new=new)

    # ── What is odd about some ──────────────────────────────────────────────────────────────────────────────────────

    def _unknown(self, number: int) -> Iterator[Drop]:
        document = self._document(number)
        stranger = Organ(organ_id=UNKNOWN, organ_name="Cơ quan không có trong danh bạ")
        document = replace(document, recipients=(*document.recipients[:2], stranger))
        yield self._drop(document, self._signed(document, number), fate=Fate.REFUSED, codes=("recipient.unknown",))

    def _forged(self, number: int) -> Iterator[Drop]:
        document = self._document(number)
        content = self._signed(document, number).replace(b"gian nan", b"gian lan", 1)
        yield self._drop(document, content, fate=Fate.REFUSED, codes=("signature.digest-mismatch",))

    def _misshapen(self, number: int) -> Iterator[Drop]:
        document = self._document(number)
        unsigned = of_size(SMALL, document, seed=number)
        broken = unsigned.replace(
            f"{A_DAY:%Y/%m/%d}</edXML:PromulgationDate>".encode(), b"hom qua</edXML:PromulgationDate>"
        )
        if broken == unsigned:
            raise AssertionError("no promulgation date to break")
        content = sign(broken, self._country.signers[document.sender.organ_id])
        yield self._drop(document, content, fate=Fate.REFUSED, codes=("schema.",))

    def _twins(self, number: int) -> Iterator[Drop]:
        document = self._document(number)
        content = self._signed(document, number)
        for _ in range(2):
            yield self._drop(document, content, fate=Fate.TWIN, group=f"twins-{number}")

    def _rivals(self, number: int) -> Iterator[Drop]:
        document = self._document(number)
        for turn in range(2):
            rival = replace(document, content=f"{document.content}, bản {turn}")
            content = self._signed(rival, number)
            yield self._drop(rival, content, fate=Fate.RIVAL, group=f"rivals-{number}", codes=("document.id-conflict",))

    def _lonely(self, number: int) -> Iterator[Drop]:
        document = self._document(number)
        lonely = Organ(organ_id=LONELY, organ_name="Cơ quan chưa kết nối")
        document = replace(document, recipients=(*document.recipients[:2], lonely))
        yield self._drop(document, self._signed(document, number))


CARRIERS: Final[Mapping[str, str]] = {each.code: each.agent for each in ORGANS}
"""Organ → agent."""
