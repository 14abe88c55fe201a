"""Holds, forwards and releases the deliveries of an organ of somebody's scope."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from router.console.shell.answers import ActionAnswer, Ask, Done, NotThere, Plan, Refused
from router.console.shell.asking import AskedWrong
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.asked import CODE_CHARS, moment_in
from router.console.work.shapes import leg_shape
from router.core.holds import Hold, HoldKind
from router.core.people import Scope
from router.core.registry import OrganRecord
from router.core.work_lists import Place, place_of
from router.services.carriage import holds
from router.services.carriage.holds import Arranged
from router.services.registration.registrar import organ_called

MOST_LISTED: Final = 500
"""More held legs than this are shown by sender, counted."""
COLUMNS: Final = (
    ("code", Words("Số, ký hiệu", "Code")),
    ("subject", Words("Trích yếu", "Subject")),
    ("sender_name", Words("Nơi gửi", "Sender")),
    ("created_at", Words("Từ lúc", "Since")),
    ("leg_id", Words("Mã chặng", "Leg")),
)
SUMMED: Final = (
    ("sender_name", Words("Nơi gửi", "Sender")),
    ("number", Words("Số văn bản", "Documents")),
    ("created_at", Words("Cũ nhất", "Oldest")),
)
MOVED_ON: Final = Words(
    "Đã có thay đổi từ khi hiển thị: thêm văn bản đang giữ, hoặc sắp xếp khác. Hãy xem lại rồi xác nhận.",
    "Something has changed since it was shown: more is held, or something else is arranged. Look again, then confirm.",
)


class HoldActions:
    """Actions on an organ's deliveries."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def hold(self, ask: Ask) -> ActionAnswer:
        organ = self._organ(ask, "organ")
        if organ is None:
            return NotThere()
        since, until = _times(ask)
        planned = holds.plan_hold(
            self._rooms.store, organ.code, since=since, until=until, reason=ask.reason, by=ask.actor
        )
        carry = {"organ": organ.code, "since": _text(since), "until": _text(until)}
        titles = Words(f"Tạm giữ văn bản đến {organ.code}", f"Hold deliveries to {organ.code}")
        says = Words(
            f"Văn bản gửi đến {organ.name} được giữ lại trên trục. Bên gửi được báo trên biên nhận; giữ quá thời hạn "
            "chuyển thì bị dừng.",
            f"What is sent to {organ.name} waits at the hub. Senders are told on their receipts; what waits longer "
            "than a document may is parked.",
        )
        return self._arranged(ask, planned, title=titles, says=says, carry=carry, do=self._arrange, touches=False)

    def forward(self, ask: Ask) -> ActionAnswer:
        organ, target = self._organ(ask, "organ"), self._organ(ask, "to")
        if organ is None or target is None:
            return NotThere()
        since, until = _times(ask)
        planned = holds.plan_forward(
            self._rooms.store,
            organ.code,
            to=target.code,
            since=since,
            until=until,
            reason=ask.reason,
            by=ask.actor,
            now=ask.now,
        )
        carry = {"organ": organ.code, "to": target.code, "since": _text(since), "until": _text(until)}
        title = Words(f"Chuyển tiếp {organ.code} đến {target.code}", f"Forward {organ.code} to {target.code}")
        says = Words(
            f"Văn bản gửi đến {organ.name} được chuyển đến {target.name} từ thời điểm đã chọn. Văn bản đang giữ cũng "
            "được chuyển.",
            f"What is sent to {organ.name} goes to {target.name} from the chosen moment on, and so does what is held.",
        )
        touches = since <= ask.now
        return self._arranged(ask, planned, title=title, says=says, carry=carry, do=self._arrange, touches=touches)

    def release(self, ask: Ask) -> ActionAnswer:
        organ = self._organ(ask, "organ")
        if organ is None:
            return NotThere()
        planned = holds.plan_release(self._rooms.store, organ.code)
        title = Words(f"Thôi giữ, thôi chuyển tiếp {organ.code}", f"Release {organ.code}")
        says = Words(
            "Văn bản đang giữ được chuyển đi ngay: khẩn trước, cũ trước.",
            "What waits goes at once: urgent first, then the oldest.",
        )
        carry = {"organ": organ.code}
        return self._arranged(ask, planned, title=title, says=says, carry=carry, do=self._release, touches=True)

    # ── Below ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arranged(
        self,
        ask: Ask,
        planned: Arranged | holds.Refused,
        *,
        title: Words,
        says: Words,
        carry: Mapping[str, str],
        do: Callable[[Ask, Arranged], None],
        touches: bool,
    ) -> ActionAnswer:
        """`touches`: whether the legs that wait now are moved; then no more of them than were shown."""
        back = f"/registry/organs/{carry['organ']}"
        if isinstance(planned, holds.Refused):
            return Refused(says=Words(planned.vi, planned.en), back=back)
        shown = _mark(planned)
        if ask.dry:
            columns, rows = self._rows(planned) if touches else ((), [])
            return Plan(
                title=title,
                says=says,
                columns=columns,
                rows=rows,
                carry={**{name: [value] for name, value in carry.items() if value}, "shown": [shown]},
                back=back,
                notes=_notes(planned, touches=touches),
            )
        if not _is_as_shown(planned, ask.one("shown"), touches=touches):
            return Refused(says=MOVED_ON, back=back)
        do(ask, planned)
        return Done(says=Words(f"{title.vi}: đã thực hiện.", f"{title.en}: done."), to=back)

    def _arrange(self, ask: Ask, planned: Arranged) -> None:
        holds.arrange(self._rooms.store, planned, now=ask.now)

    def _release(self, ask: Ask, planned: Arranged) -> None:
        holds.release(self._rooms.store, planned, reason=ask.reason, by=ask.actor, now=ask.now)

    def _organ(self, ask: Ask, name: str) -> OrganRecord | None:
        """The organ that a field names, when somebody sees it."""
        return seen_organ(self._rooms, ask.one(name), ask.scope)

    def _rows(self, planned: Arranged) -> tuple[Sequence[tuple[str, Words]], list[dict[str, Any]]]:
        registry = self._rooms.store.registry()
        told = [leg_shape(registry, message, leg) for message, leg in planned.held]
        for each in told:
            each["sender_name"] = f"{each['sender']['name']} ({each['sender']['code']})".strip()
        if len(told) <= MOST_LISTED:
            keys = [key for key, _ in COLUMNS]
            return COLUMNS, [{key: each[key] for key in keys} for each in told]
        summed: dict[str, dict[str, Any]] = {}
        for each in told:  # the oldest first
            start = {"sender_name": each["sender_name"], "number": 0, "created_at": each["created_at"]}
            summed.setdefault(each["sender_name"], start)["number"] += 1
        return SUMMED, list(summed.values())


def seen_organ(rooms: Rooms, code: str, scope: Scope) -> OrganRecord | None:
    """The organ with this code, present or former, when somebody sees it."""
    wanted = code.strip()
    if not wanted or len(wanted) > CODE_CHARS:
        return None
    organ = organ_called(rooms.store.registry(), wanted)
    return organ if organ is not None and scope.sees(organ.code) else None


def _times(ask: Ask) -> tuple[datetime, datetime | None]:
    since = moment_in(ask, "since") or ask.now
    until = moment_in(ask, "until", end_of_day=True)
    if until is not None and until <= max(since, ask.now):
        raise AskedWrong(
            Words("“Đến” phải sau “từ” và sau lúc này.", "“Until” must be after “from” and after the present moment.")
        )
    return since, until


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _notes(planned: Arranged, *, touches: bool) -> Sequence[Words]:
    notes = []
    if planned.before is not None and planned.before != planned.hold:
        kind = Words("chuyển tiếp", "forward") if planned.before.kind is HoldKind.FORWARD else Words("giữ", "hold")
        notes.append(
            Words(
                f"Thay cho sắp xếp hiện có ({kind.vi}: {planned.before.reason}).",
                f"It takes the place of what is arranged now ({kind.en}: {planned.before.reason}).",
            )
        )
    count = len(planned.held)
    notes.append(Words(f"Đang giữ {count} văn bản.", f"{count} documents are held now."))
    if touches and planned.parked:
        notes.append(
            Words(
                f"{planned.parked} văn bản nơi nhận thay đã có: bị dừng, chờ quản trị.",
                f"{planned.parked} documents that organ has already: they are parked.",
            )
        )
    return notes


def _mark(planned: Arranged) -> str:
    """What was shown: the arrangement before, and the youngest leg that waits."""
    places = [Place(leg.created_at, leg.id) for _, leg in planned.held]
    youngest = max(places, key=lambda each: (each.at, each.id), default=None)
    return f"{_digest(planned.before)}/{youngest if youngest is not None else ''}"


def _is_as_shown(planned: Arranged, shown: str, *, touches: bool) -> bool:
    """Whether nothing else is arranged by now, and no leg waits that is younger than those that were shown."""
    before, _, youngest = shown.partition("/")
    if before != _digest(planned.before):
        return False
    if not touches:
        return True
    place = place_of(youngest)
    held = [(leg.created_at, leg.id) for _, leg in planned.held]
    return not held if place is None else all(each <= (place.at, place.id) for each in held)


def _digest(hold: Hold | None) -> str:
    told = "" if hold is None else "\n".join((hold.kind.value, _text(hold.since), _text(hold.until), hold.to, hold.by))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
