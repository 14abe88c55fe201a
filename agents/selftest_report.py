"""What a self-test found: the hops of a document and its answer, in words and as JSON. Decides, and has no effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from agents.desk import Sent
from agents.packaging import Refusal
from agents.sent_view import answer_of
from edxml_schemas import catalogue
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.findings import Finding
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import StatusCode


class Hop(StrEnum):
    """Where a self-test must come by, in this order."""

    SPOOLED = "spooled"
    PUBLISHED = "published"
    ACCEPTED = "accepted"
    HANDED_OVER = "handed-over"
    DELIVERED = "delivered"
    ARRIVED = "status-01"
    RECEIVED = "status-03"


HOP_TEXT: Final[dict[Hop, tuple[str, str]]] = {
    Hop.SPOOLED: ("đã ký, nằm chắc trong kho tạm", "signed and durable in the spool"),
    Hop.PUBLISHED: ("đã gửi lên trục", "published to the hub's broker"),
    Hop.ACCEPTED: ("trục đã tiếp nhận", "accepted by the hub"),
    Hop.HANDED_OVER: ("đã chuyển vào hộp thư nơi nhận", "handed over to the recipient's inbox"),
    Hop.DELIVERED: ("tác nhân nơi nhận đã lưu", "durable at the recipient's agent"),
    Hop.ARRIVED: ("trạng thái 01 (đã đến) đã về", "status 01 (arrived) came back"),
    Hop.RECEIVED: ("trạng thái 03 (đã tiếp nhận) đã về", "status 03 (received) came back"),
}
"""Vietnamese and English, in that order."""

_LOOK: Final[dict[Hop, tuple[str, str]]] = {
    Hop.SPOOLED: (
        "Xem mục [[organs]] của agent.toml: organ_id, key, cert.",
        "Look at [[organs]] in agent.toml: organ_id, key, cert.",
    ),
    Hop.PUBLISHED: (
        "Xem tác nhân có đang chạy không (truc-agent run), amqp_url và đường mạng tới trục.",
        "See whether the agent runs (truc-agent run), then amqp_url and the network to the hub.",
    ),
    Hop.ACCEPTED: (
        "Văn bản đã nằm trong hàng đợi của trục mà không có biên nhận: đề nghị quản trị trục chạy truc status.",
        "The document is in the hub's queue and no receipt came: the hub's administrator runs truc status.",
    ),
    Hop.HANDED_OVER: (
        "Trục tiếp nhận mà chưa chuyển: nơi nhận có thể đang bị tạm giữ (truc agency holds), hoặc trục bị nghẽn "
        "(truc status).",
        "Accepted and not handed over: the recipient may be on hold (truc agency holds), or the hub is busy "
        "(truc status).",
    ),
    Hop.DELIVERED: (
        "Tác nhân nơi nhận không lấy: xem nó có đang chạy và nối được trục không.",
        "The recipient's agent did not fetch it: see whether it runs and reaches the hub.",
    ),
    Hop.ARRIVED: (
        "Nơi nhận đã lưu mà không báo 01: xem khóa ký của nơi nhận, và trong truc-agent status ở đó có bị trục từ chối "
        "không.",
        "Durable at the recipient and no 01: see the recipient's key, and in its truc-agent status whether the hub "
        "refused it.",
    ),
    Hop.RECEIVED: (
        "Nơi nhận không tự trả lời: đó phải là tác nhân robot đang chạy (truc-agent robot, hoặc robot = true).",
        "The recipient does not answer by itself: it must be a running robot (truc-agent robot, or robot = true).",
    ),
}
"""What to look at when a hop does not come."""


_SAYS: Final[dict[str, Hop]] = {StatusCode.ARRIVED: Hop.ARRIVED, StatusCode.RECEIVED: Hop.RECEIVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class HopReport:
    """A hop that came. `ms` counts from the beginning, by this machine's clock; `vi` and `en` say more, or nothing."""

    hop: Hop
    ms: float
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopFault:
    """The hop that did not come, why as far as known, and what to look at."""

    hop: Hop
    vi: str
    en: str

    @property
    def look(self) -> tuple[str, str]:
        """Vietnamese and English."""
        return _LOOK[self.hop]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestReport:
    """One self-test. Hops stand in their order; those after a fault may have come all the same. `took` is in seconds.

    Without a fault every hop has come.
    """

    submission_id: str
    document_id: str
    sender: str
    to: str
    started_at: datetime
    took: float
    hops: tuple[HopReport, ...]
    fault: HopFault | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None


def hops_of(sent: Sent, *, started_at: datetime) -> tuple[HopReport, ...]:
    """The hops that a self-test has come by so far."""
    submission = sent.submission

    def hop(which: Hop, at: datetime, vi: str = "", en: str = "") -> HopReport:
        return HopReport(hop=which, ms=milliseconds(started_at, at), vi=vi, en=en)

    found = [hop(Hop.SPOOLED, submission.created_at)]
    # A receipt may be quicker than the broker's confirm, which then is not noted any more.
    published = submission.published_at or submission.answered_at
    if published is not None:
        found.append(hop(Hop.PUBLISHED, published))
    for each in sent.receipts:
        if each.kind == ReceiptKind.ACCEPTED:
            vi, en = (
                (f"biên nhận do {each.signer} ký", f"receipt signed by {each.signer}")
                if each.signer
                else ("không kiểm tra chữ ký: chưa đặt hub_certificate", "not verified: hub_certificate is not set")
            )
            found.append(hop(Hop.ACCEPTED, each.received_at, vi, en))
        elif each.kind in {ReceiptKind.HANDED_OVER, ReceiptKind.DELIVERED}:
            found.append(hop(Hop(each.kind), each.received_at))
    found += [hop(_SAYS[each.status_code], each.received_at) for each in sent.statuses if each.status_code in _SAYS]
    first = {each.hop: each for each in reversed(found)}
    return tuple(first[each] for each in Hop if each in first)


def fault_in(sent: Sent) -> HopFault | None:
    """What says already now that a hop will not come."""
    if sent.submission.outcome == ReceiptKind.REFUSED:
        return _refused(sent)
    for each in sent.receipts:
        if each.kind == ReceiptKind.NOT_DELIVERED:
            return HopFault(
                hop=Hop.DELIVERED,
                vi="Trục báo không chuyển được tới nơi nhận.",
                en="The hub says that it could not be delivered.",
            )
    for item in sent.statuses:
        if item.status_code == StatusCode.RECEPTION_REFUSED:
            return HopFault(
                hop=Hop.RECEIVED,
                vi=f"Nơi nhận từ chối (02): {item.description}",
                en=f"The recipient refused it (02): {item.description}",
            )
    return None


def _refused(sent: Sent) -> HopFault:
    answer = answer_of(sent.receipts)
    vi, en = _words(answer.findings if answer is not None else ())
    return HopFault(hop=Hop.ACCEPTED, vi=f"Trục từ chối. {vi}".strip(), en=f"Refused by the hub. {en}".strip())


def not_sent(refusal: Refusal) -> HopFault:
    """The fault of a self-test that the agent itself did not take."""
    vi, en = _words(refusal)
    return HopFault(hop=Hop.SPOOLED, vi=f"Chưa gửi được. {vi}", en=f"Not sent. {en}")


def _words(refusal: Sequence[Finding | DraftProblem]) -> tuple[str, str]:
    """What is wrong and how to mend it, in Vietnamese and in English."""
    told = [each if isinstance(each, DraftProblem) else catalogue.explain(each) for each in refusal]
    vi = [f"{_message(each)[0]} → {each.remedy_vi}" for each in told]
    en = [f"{_message(each)[1]} → {each.remedy_en}" for each in told]
    return "; ".join(vi), "; ".join(en)


def _message(each: catalogue.Explained | DraftProblem) -> tuple[str, str]:
    return (each.vi, each.en) if isinstance(each, DraftProblem) else (each.message_vi, each.message_en)


def late(sent: Sent, came: Sequence[HopReport], *, timeout: float) -> HopFault | None:
    """The first hop that has not come when the time is over; None when all have."""
    missing = next((each for each in Hop if each not in {one.hop for one in came}), None)
    if missing is None:
        return None
    vi, en = HOP_TEXT[missing]
    problem = f" {sent.submission.problem}".rstrip()
    told_vi = told_en = problem
    if missing is Hop.ACCEPTED and sent.doubtful:
        why = ", ".join(sorted({code for each in sent.doubtful for code in each.findings.split("\n")}))
        told_vi, told_en = (
            f" Biên nhận đã đến không do trục ký: {why}.",
            f" The receipt that came is not the hub's: {why}.",
        )
    return HopFault(
        hop=missing,
        vi=f"Sau {timeout:g} giây vẫn chưa thấy: {vi}.{told_vi}",
        en=f"Not seen within {timeout:g} s: {en}.{told_en}",
    )


def milliseconds(begun: datetime, at: datetime) -> float:
    """From `begun` to `at`; a clock that was set back does not make it negative."""
    return round(max(0.0, (at - begun).total_seconds() * 1000), 1)


def report_as_dict(report: SelfTestReport) -> dict[str, object]:
    """The JSON of a self-test. `hops` has every hop; `ms` is null for one that did not come."""
    came = {each.hop: each for each in report.hops}
    return {
        "ok": report.ok,
        "submission_id": report.submission_id,
        "document_id": report.document_id,
        "from": report.sender,
        "to": report.to,
        "started_at": report.started_at.isoformat(),
        "seconds": round(report.took, 3),
        "hops": [_hop_as_dict(each, came.get(each)) for each in Hop],
        "fault": _fault_as_dict(report.fault) if report.fault is not None else None,
    }


def _hop_as_dict(hop: Hop, came: HopReport | None) -> dict[str, object]:
    vi, en = HOP_TEXT[hop]
    return {
        "hop": hop.value,
        "came": came is not None,
        "ms": came.ms if came is not None else None,
        "text": {"vi": vi, "en": en},
        "detail": {"vi": came.vi, "en": came.en} if came is not None and came.vi else None,
    }


def _fault_as_dict(fault: HopFault) -> dict[str, object]:
    vi, en = fault.look
    return {"hop": fault.hop.value, "vi": fault.vi, "en": fault.en, "look_at": {"vi": vi, "en": en}}
