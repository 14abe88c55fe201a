"""Conservation: every submission has one verdict, every accepted leg one fate, every delivered document one copy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from agents.arrivals import arrival_id
from router.core.ids import message_id_of
from tests.soak.evidence import AgentSays, Evidence, Incoming, Leg, Message, Outgoing
from tests.soak.ledger import Entry, Fate, Ledger

DOCUMENT: Final = "edoc"
VERDICTS: Final = frozenset({"message.accepted", "message.refused", "message.duplicate"})
ANSWERS: Final = ("accepted", "refused")
ON_THE_WAY: Final = frozenset({"queued", "handed-over"})


class Wrong(StrEnum):
    """How something can be wrong."""

    LOST = "lost"
    DOUBLED = "doubled"
    ALTERED = "altered"
    STUCK = "stuck"
    """On its way, and nothing says that it is late."""
    LATE = "late"
    """On its way, with an alarm standing."""
    ILLEGAL = "illegal"


@dataclass(frozen=True, slots=True)
class Fault:
    """`message_id` is the hub's id of the message, for `truc trace`."""

    wrong: Wrong
    message_id: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`counts` are the lines of the report, in their order."""

    counts: Mapping[str, int]
    faults: tuple[Fault, ...]
    tally: Mapping[Wrong, int] = field(init=False)

    def __post_init__(self) -> None:
        found = Counter(each.wrong for each in self.faults)
        object.__setattr__(self, "tally", {wrong: found[wrong] for wrong in Wrong})

    @property
    def good(self) -> bool:
        return not self.faults


def judge(evidence: Evidence, ledger: Ledger) -> Judgement:
    """Compare what was sent with what the databases say. Pure."""
    judge = _Judge(evidence, ledger)
    faults = (
        *judge.submissions(),
        *judge.strangers(),
        *judge.expectations(),
        *judge.legs(),
        *judge.inboxes(),
        *judge.histories(),
        *judge.statuses(),
        *judge.dead(),
    )
    return Judgement(counts=judge.counts(), faults=faults)


class _Judge:
    def __init__(self, evidence: Evidence, ledger: Ledger) -> None:
        self._hub = evidence.hub
        self._agents = evidence.agents
        self._ledger = ledger

    def _message(self, agent: str, submission_id: str) -> Message | None:
        return self._hub.messages.get(message_id_of(agent, submission_id))

    def _all_sent(self) -> Iterator[tuple[str, AgentSays, Outgoing]]:
        for name, says in self._agents.items():
            for sent in says.outbox.values():
                yield name, says, sent

    def counts(self) -> dict[str, int]:
        documents = [each for each in self._hub.messages.values() if each.type == DOCUMENT]
        statuses = [each for each in self._hub.messages.values() if each.type != DOCUMENT]
        legs = Counter(leg.state for leg in self._hub.legs.values())
        states = Counter("duplicate" if each.duplicate_of else each.state for each in documents)
        return {
            "documents submitted": sum(1 for _, _, sent in self._all_sent() if sent.type == DOCUMENT),
            "  accepted": states["accepted"],
            "  duplicates": states["duplicate"],
            "  refused": states["refused"],
            "  undecided": states["deferred"],
            "statuses submitted": sum(1 for _, _, sent in self._all_sent() if sent.type != DOCUMENT),
            "  accepted statuses": sum(each.state == "accepted" for each in statuses),
            "legs of what was accepted": sum(legs.values()),
            "  delivered": legs["delivered"],
            "  held": legs["held"],
            "  parked": legs["parked"],
            "  on the way": sum(legs[state] for state in ON_THE_WAY),
        }

    # ── Every submission has one verdict, and its sender knows it ───────────────────────────────────────────────────

    def submissions(self) -> Iterator[Fault]:
        for name, says, sent in self._all_sent():
            message = self._message(name, sent.submission_id)
            what = f"{sent.type} {sent.submission_id} of {name}"
            if message is None:
                yield Fault(Wrong.LOST, message_id_of(name, sent.submission_id), f"{what}: the hub has no verdict")
                continue
            if message.state == "deferred":
                yield Fault(Wrong.STUCK, message.id, f"{what}: its verdict is deferred")
                continue
            if message.digest != sent.digest:
                yield Fault(Wrong.ALTERED, message.id, f"{what}: the hub has other bytes")
            if sent.state != "answered":
                yield Fault(Wrong.LOST, message.id, f"{what}: the verdict did not reach its sender ({sent.state})")
            elif (sent.outcome, bool(sent.duplicate)) != (_outcome(message), bool(message.duplicate_of)):
                yield Fault(Wrong.ILLEGAL, message.id, f"{what}: {sent.outcome} for its sender, {message.state} here")
            yield from self._receipts(what, message, says)

    def _receipts(self, what: str, message: Message, says: AgentSays) -> Iterator[Fault]:
        told = says.receipts.get(message.submission_id, ())
        answers = [kind for kind, _ in told if kind in ANSWERS]
        if len(answers) > 1:
            yield Fault(Wrong.DOUBLED, message.id, f"{what}: several verdicts: {', '.join(answers)}")
        about = Counter((kind, leg) for kind, legs in told if kind not in ANSWERS for leg in legs)
        for (kind, leg), count in about.items():
            if count > 1:
                yield Fault(Wrong.DOUBLED, message.id, f"{what}: {count} receipts {kind} of leg {leg}")
        if message.type == DOCUMENT:
            for leg_row in self._hub.legs_of.get(message.id, ()):
                if leg_row.state == "delivered" and not about["delivered", leg_row.id]:
                    yield Fault(Wrong.LOST, message.id, f"{what}: no receipt of the delivery to {leg_row.recipient}")

    def strangers(self) -> Iterator[Fault]:
        sent = {message_id_of(name, each.submission_id) for name, _, each in self._all_sent()}
        for message in self._hub.messages.values():
            if message.id not in sent:
                yield Fault(Wrong.ILLEGAL, message.id, f"nobody sent {message.submission_id} of {message.agent}")

    # ── What the rig sent has become what it must become ────────────────────────────────────────────────────────────

    def expectations(self) -> Iterator[Fault]:
        for entry in self._ledger.entries.values():
            message = self._message(entry.agent, entry.submission_id)
            if message is None:
                if entry.submission_id not in self._agents[entry.agent].outbox:
                    yield Fault(Wrong.LOST, "", f"{entry.submission_id} is not even in the spool of {entry.agent}")
                continue
            yield from self._as_expected(entry, message)
        for twins in self._ledger.groups(Fate.TWIN):
            found = self._found(twins)
            if sum(each.state == "accepted" and not each.duplicate_of for each in found) != 1:
                yield Fault(Wrong.DOUBLED, found[0].id if found else "", f"{twins[0].group}: not one of them counts")
        for rivals in self._ledger.groups(Fate.RIVAL):
            found = self._found(rivals)
            if sum(each.state == "accepted" for each in found) != 1:
                yield Fault(Wrong.ILLEGAL, found[0].id if found else "", f"{rivals[0].group}: not one was accepted")

    def _found(self, entries: Iterable[Entry]) -> list[Message]:
        found = (self._message(each.agent, each.submission_id) for each in entries)
        return [each for each in found if each is not None]

    def _as_expected(self, entry: Entry, message: Message) -> Iterator[Fault]:
        what = f"document {entry.document_id}"
        if message.digest != entry.digest:
            yield Fault(Wrong.ALTERED, message.id, f"{what}: {message.digest}, sent was {entry.digest}")
        if entry.fate is Fate.ACCEPTED and (message.state != "accepted" or message.duplicate_of):
            yield Fault(Wrong.ILLEGAL, message.id, f"{what}: {message.state}, {', '.join(message.codes)}")
        if entry.fate is Fate.REFUSED and message.state != "refused":
            yield Fault(Wrong.ILLEGAL, message.id, f"{what}: {message.state}, must be refused")
        if message.state == "refused" and entry.codes and not _named(entry.codes, message.codes):
            yield Fault(Wrong.ILLEGAL, message.id, f"{what}: refused for {', '.join(message.codes)}")
        legs = self._hub.legs_of.get(message.id, ())
        wanted = entry.recipients if message.state == "accepted" and not message.duplicate_of else ()
        reached = Counter(leg.recipient for leg in legs)
        for recipient in wanted:
            if not reached[recipient]:
                yield Fault(Wrong.LOST, message.id, f"{what}: no leg to {recipient}")
        for recipient, count in reached.items():
            if recipient not in wanted:
                yield Fault(Wrong.ILLEGAL, message.id, f"{what}: a leg to {recipient}, which was not addressed")
            elif count > 1:
                yield Fault(Wrong.DOUBLED, message.id, f"{what}: {count} legs to {recipient}")

    # ── Every leg has one fate, every delivery one copy ─────────────────────────────────────────────────────────────

    def legs(self) -> Iterator[Fault]:
        holders: dict[str, list[str]] = {}
        for name, says in self._agents.items():
            for leg_id in says.inbox:
                holders.setdefault(leg_id, []).append(name)
        for leg in self._hub.legs.values():
            yield from self._leg(leg, holders.get(leg.id, []))
        for leg_id, names in holders.items():
            if leg_id not in self._hub.legs:
                yield Fault(Wrong.ILLEGAL, "", f"{', '.join(names)} got leg {leg_id}, which the hub does not know")

    def _leg(self, leg: Leg, holders: list[str]) -> Iterator[Fault]:
        what = f"leg to {leg.recipient}"
        if leg.state in ON_THE_WAY:
            yield Fault(Wrong.LATE if leg.alarmed else Wrong.STUCK, leg.message_id, f"{what}: {leg.state}")
        if leg.state == "delivered" and not holders:
            yield Fault(Wrong.LOST, leg.message_id, f"{what}: delivered, and in nobody's spool")
        if leg.state == "held" and holders:
            yield Fault(Wrong.ILLEGAL, leg.message_id, f"{what}: held, and in the spool of {', '.join(holders)}")
        for name in holders:
            if name != leg.agent:
                yield Fault(Wrong.ILLEGAL, leg.message_id, f"{what}: in the spool of {name}, not of {leg.agent}")
            got = self._agents[name].inbox[leg.id]
            message = self._hub.messages[leg.message_id]
            if got.digest != message.digest or got.recipient != leg.recipient:
                yield Fault(Wrong.ALTERED, leg.message_id, f"{what}: {name} has other bytes, or for somebody else")
            if got.digest in self._agents[name].damaged:
                yield Fault(Wrong.ALTERED, leg.message_id, f"{what}: the bytes at {name} are damaged")

    def inboxes(self) -> Iterator[Fault]:
        for name, says in self._agents.items():
            documents = [each for each in says.inbox.values() if each.type == DOCUMENT]
            for (recipient, digest), count in Counter((each.recipient, each.digest) for each in documents).items():
                if count > 1:
                    yield Fault(Wrong.DOUBLED, "", f"{recipient} at {name} got {digest} {count} times")
            for each in documents:
                yield from self._arrival(name, says, each)

    def _arrival(self, name: str, says: AgentSays, item: Incoming) -> Iterator[Fault]:
        """Every document that arrived is answered by one status 01."""
        leg = self._hub.legs.get(item.leg_id)
        about = leg.message_id if leg is not None else ""
        if arrival_id(item.leg_id) not in says.outbox:
            yield Fault(Wrong.LOST, about, f"no status 01 of {item.recipient} at {name}")

    # ── What happened is what the lifecycle allows ──────────────────────────────────────────────────────────────────

    def histories(self) -> Iterator[Fault]:
        for message in self._hub.messages.values():
            told = self._hub.events.get((message.id, ""), ())
            verdicts = [name for name in told if name in VERDICTS]
            if len(verdicts) != (0 if message.state == "deferred" else 1):
                yield Fault(Wrong.ILLEGAL, message.id, f"its history has the verdicts {', '.join(verdicts) or 'none'}")
        for leg in self._hub.legs.values():
            yield from self._history(leg, list(self._hub.events.get((leg.message_id, leg.id), ())))

    def _history(self, leg: Leg, told: list[str]) -> Iterator[Fault]:
        count = Counter(told)
        steps = [each for each in told if each.startswith("leg.")]
        words = f"leg to {leg.recipient}, {leg.state}: {' → '.join(told)}"
        begins = bool(steps) and steps[0] in ("leg.queued", "leg.held", "leg.forwarded")
        once = count["leg.delivered"] == (leg.state == "delivered")
        again = 1 + count["leg.parked"] + count["leg.resent"]
        if not (begins and once and count["leg.queued"] + count["leg.held"] <= again):
            yield Fault(Wrong.ILLEGAL, leg.message_id, words)
        elif count["leg.handed-over"] > again:
            yield Fault(Wrong.DOUBLED, leg.message_id, words)

    def statuses(self) -> Iterator[Fault]:
        """The furthest status stands, whatever the order in which they came; each was said once."""
        expected: dict[str, Counter[str]] = {}
        for _, _, sent in self._all_sent():
            if sent.type != DOCUMENT and sent.about_leg and sent.outcome == "accepted" and not sent.duplicate:
                expected.setdefault(sent.about_leg, Counter())[sent.status_code] += 1
        for leg in self._hub.legs.values():
            accepted = self._hub.statuses.get(leg.id, ())
            if Counter(accepted) != expected.get(leg.id, Counter()):
                yield Fault(Wrong.ILLEGAL, leg.message_id, f"leg to {leg.recipient}: statuses {', '.join(accepted)}")
            if leg.status != max(accepted, default=""):
                yield Fault(Wrong.ILLEGAL, leg.message_id, f"leg to {leg.recipient}: {leg.status} of {accepted}")
        for said in self._ledger.said.values():
            message = self._message(said.agent, said.submission_id)
            if message is not None and message.state != "accepted":
                words = f"status {said.code} of {said.agent}: {message.state}, {', '.join(message.codes)}"
                yield Fault(Wrong.ILLEGAL, message.id, words)

    def dead(self) -> Iterator[Fault]:
        for each in self._hub.dead:
            yield Fault(Wrong.LATE, "", f"dead letter {each} waits for an administrator")
        if self._hub.outbox:
            yield Fault(Wrong.STUCK, "", f"{self._hub.outbox} items of the hub's outbox were not published")


def _outcome(message: Message) -> str:
    return "refused" if message.state == "refused" else "accepted"


def _named(wanted: Iterable[str], found: Iterable[str]) -> bool:
    """Whether a code, or one that begins so, is among those found."""
    return any(code.startswith(each) for each in wanted for code in found)
