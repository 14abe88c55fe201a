"""Two provinces that have nothing to do with each other: H41 is the asker's, H42 the other's, with something of H42 on
every page and for every action.

FOREIGN are ids and codes of the other, for addresses and forms. SECRETS stand in what belongs to the other alone, and
in no address and no form that FOREIGN makes: whoever is shown one of them was shown too much.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from edxml_schemas.contract import MessageType
from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity
from router.core.applications import Application, ApplicationKind
from router.core.holds import Hold, HoldKind
from router.core.people import Role
from router.core.records import LegState, MessageState, PutDead, PutEvent, PutLeg, PutMessage, PutOutbox, PutStatus
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState
from router.services.figures.counting import Counting
from router.services.search.indexing import Indexing
from tests.support.console import MORNING, ConsoleHouse
from tests.support.pki import Credential, Pki
from tests.support.records import dead_letter, event, leg, message, outbox_item, status

OWN: Final = ("m-own", "l-own", "H41.08", "dead-own", "noi-nay", "an")
ALARM, QUIETED = "00aa", "00bb"
APPLIED: Final = ("00000001-app", "00000002-app")
FOREIGN: Final = (
    *("m-far", "l-far", "H42", "H42.01", "dead-far", "noi-xa", "hoa.ban", "77/HB", ALARM, QUIETED),
    *APPLIED,
)
SECRETS: Final = (
    *("Hoa Ban", "Chuyện riêng của họ", "Chuyen rieng", "Người Xa", "xa@hoaban.vn", "H42.09", "noi-kin"),
    "viec.kin",
)
HELD, LOCKED, HIDDEN = "H42.02", "H42.03", "H42.09"
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


def fill(made: ConsoleHouse) -> Credential:
    """Everything; the certificate that the other province has bound."""
    _registry(made)
    _documents(made)
    at = made.clock.at
    for organ, hold in (("H42.02", HoldKind.HOLD), ("H42.09", HoldKind.HOLD)):
        made.store.put_hold(
            Hold(organ=organ, kind=hold, since=at - HOUR, until=None, reason="Chuyện riêng của họ", by="admin:x")
        )
    for number, name in enumerate(APPLIED):
        applied = Application(
            id=name,
            agent="noi-xa",
            reference=str(number),
            kind=ApplicationKind.REGISTER,
            code=f"H42.5{number}",
            name="Ban Hoa Ban",
            parent="H42",
            applied_at=at,
        )
        made.store.put_application(applied, most_open=100)
    made.memories.alarms.keep(
        [
            _alarm(ALARM, AlarmState.RAISED, "H42", at),
            _alarm(QUIETED, AlarmState.QUIETED, HELD, at),
            _alarm("00cc", AlarmState.RECOVERED, HIDDEN, at),
        ]
    )
    key = Pki(MORNING).issue("Hoa Ban", not_after=MORNING + 20 * DAY)
    pem = key.cert_pem.decode()
    record = CertificateRecord(organ=HIDDEN, fingerprint=key.fingerprint, subject="CN=Hoa Ban", pem=pem)
    made.store.put_certificates([record, CertificateRecord(**{**_fields(record), "organ": "H42.01"})])
    made.add_person(Role.VIEWER, name="an", root="H41.08")
    made.add_person(Role.VIEWER, name="hoa.ban", root="H42")
    made.add_person(Role.VIEWER, name="viec.kin", root="H42")
    Indexing(made.memories.search, made.store, clock=made.clock).catch_up()
    Counting(made.memories.figures).catch_up(now=at + HOUR)
    return key


def _fields(record: CertificateRecord) -> dict[str, Any]:
    return {"organ": record.organ, "fingerprint": record.fingerprint, "subject": record.subject, "pem": record.pem}


def _registry(made: ConsoleHouse) -> None:
    made.store.put_organs(
        [
            OrganRecord(code="H41", name="Tỉnh Sen", agent="noi-nay"),
            OrganRecord(code="H41.08", name="Sở Sen", parent="H41", agent="noi-nay"),
            OrganRecord(code="H42", name="Tỉnh Hoa Ban", agent="noi-xa", email="xa@hoaban.vn"),
            OrganRecord(code="H42.01", name="Sở Hoa Ban", parent="H42", agent="noi-xa"),
            OrganRecord(code=HELD, name="Chi cục Hoa Ban", parent="H42"),
            OrganRecord(code=LOCKED, name="Trạm Hoa Ban", parent="H42", state=OrganState.LOCKED, reason="Người Xa"),
            OrganRecord(code=HIDDEN, name="Ban Kín Hoa Ban", parent="H42", agent="noi-kin"),
        ]
    )
    made.store.put_agents(
        [
            AgentRecord(name="noi-nay", title="Phần mềm Sen"),
            AgentRecord(name="noi-xa", title="Phần mềm Hoa Ban"),
            AgentRecord(name="noi-kin", title="Phần mềm Ban Kín"),
        ]
    )


def _documents(made: ConsoleHouse) -> None:
    at = made.clock.at
    before = at - 3 * HOUR
    own = message("own", sender="H41", document_id="d-own", code="41/SEN", subject="Việc của Sen", agent="noi-nay")
    far = message(
        "far",
        sender="H42",
        document_id="d-far",
        code="77/HB",
        subject="Chuyện riêng của họ",
        agent="noi-xa",
        received_at=before,
        decided_at=before,
    )
    no = message("far-no", sender="H42", agent="noi-xa", subject="Chuyện riêng của họ", state=MessageState.REFUSED)
    words = [
        message(f"said-{n}", type=MessageType.STATUS, sender=HIDDEN, agent="noi-kin", about="m-far") for n in range(3)
    ]
    legs = [
        leg(far, "far", recipient="H42.01", agent="noi-xa", state=LegState.PARKED, raised=("not-arrived",)),
        leg(far, "far-held", ordinal=1, recipient=HELD, agent="", state=LegState.HELD),
        *(
            leg(
                far,
                f"kin-{n}",
                ordinal=2 + n,
                recipient=HIDDEN,
                agent="noi-kin",
                state=LegState.DELIVERED,
                status="03",
                raised=("not-acknowledged", "not-received"),
                created_at=before,
            )
            for n in range(3)
        ),
    ]
    answers = [
        PutStatus(status(word.id, legs[2 + n].id, "03", sender=HIDDEN, said_at=at, accepted_at=at))
        for n, word in enumerate(words)
    ]
    with made.store.begin() as tx:
        tx.apply([PutMessage(own), PutMessage(far), PutMessage(no), *map(PutMessage, words), *map(PutLeg, legs)])
        tx.apply(
            [
                PutLeg(
                    leg(own, "own", recipient="H41.08", agent="noi-nay", state=LegState.PARKED, raised=("not-arrived",))
                ),
                *answers,
                PutDead(dead_letter("own", agent="noi-nay", reason="Việc của Sen")),
                PutDead(dead_letter("far", agent="noi-xa", reason="Chuyện riêng của họ")),
                PutOutbox(outbox_item("kin", recipient=HIDDEN, sender="H42", agent="noi-kin")),
                PutEvent(event("message.accepted", own.id, at=before, facts={"recipients": "1"})),
                PutEvent(event("message.accepted", far.id, at=before, facts={"recipients": "5", "paper": "0"})),
                PutEvent(event("message.refused", no.id, at=before, facts={"codes": "document.id-form"})),
                *(PutEvent(event("leg.queued", far.id, leg_id=each.id, at=each.created_at)) for each in legs[2:]),
                *(
                    PutEvent(event("leg.status", far.id, leg_id=each.id, at=at, facts={"code": "03", "by": word.id}))
                    for each, word in zip(legs[2:], words, strict=True)
                ),
                PutEvent(
                    event(
                        "hold.set",
                        "",
                        actor="admin:nguoi.xa",
                        facts={"organ": "H42", "reason": "Chuyện riêng của họ"},
                        at=at,
                    )
                ),
            ]
        )


def _alarm(name: str, state: AlarmState, subject: str, at: datetime) -> Alarm:
    return Alarm(
        id=name,
        kind=AlarmKind.CERTIFICATE,
        subject=subject,
        severity=Severity.WARNING,
        state=state,
        vi="Chứng thư của Tỉnh Hoa Ban sắp hết hạn",
        en="the certificate of Hoa Ban ends soon",
        raised_at=at,
        seen_at=at,
        ended_at=at if state is AlarmState.RECOVERED else None,
        quiet_until=at + 30 * DAY if state is AlarmState.QUIETED else None,
        quiet_by="user:x" if state is AlarmState.QUIETED else "",
        quiet_reason="Chuyện riêng của họ" if state is AlarmState.QUIETED else "",
    )
