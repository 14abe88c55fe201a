"""Binds a certificate to an organ of somebody's scope, and takes one away."""

from typing import Any, Final

from router.console.registry.words import MOVED_ON, REGISTRY, STANDING
from router.console.shell.answers import ActionAnswer, Ask, Done, NotThere, Plan, Refused
from router.console.shell.asking import AskedWrong
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.hold_actions import seen_organ
from router.services.registration.certificates import CERTIFICATE_BYTES, Binding, Unfit, notes_of

FORM_BYTES: Final = 4 * CERTIFICATE_BYTES
"""Of the upload and of the confirmation, which carries the certificate as PEM."""
COLUMNS: Final = (
    ("organ", Words("Cơ quan", "Organ")),
    ("subject", Words("Chủ thể", "Subject")),
    ("issuer", Words("Nơi cấp", "Issuer")),
    ("serial", Words("Số", "Serial")),
    ("since", Words("Từ", "From")),
    ("until", Words("Đến", "Until")),
    ("key", Words("Khóa", "Key")),
    ("path", Words("Đường tin cậy", "Path to the anchor")),
    ("standing", Words("Tình trạng", "Standing")),
    ("fingerprint", Words("SHA-256", "SHA-256")),
)


class CertificateActions:
    """Each shows the certificate first, and then does exactly that."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def bind(self, ask: Ask) -> ActionAnswer:
        """With an upload and `?dry=1` the certificate; with the certificate as it was carried along, the binding."""
        organ = seen_organ(self._rooms, ask.one("organ"), ask.scope)
        if organ is None:
            return NotThere()
        data = _uploaded(ask) if ask.dry else ask.one("carried").encode()
        planned = self._rooms.bureau.plan_binding(data, organ, ask.scope, now=ask.now)
        return self._answer(ask, planned, organ.code)

    def unbind(self, ask: Ask) -> ActionAnswer:
        organ = seen_organ(self._rooms, ask.one("organ"), ask.scope)
        if organ is None:
            return NotThere()
        planned = self._rooms.bureau.plan_unbinding(ask.one("fingerprint"), organ, ask.scope, now=ask.now)
        return self._answer(ask, planned, organ.code)

    def _answer(self, ask: Ask, planned: Binding | Unfit, code: str) -> ActionAnswer:
        back = f"{REGISTRY}/organs/{code}"
        if isinstance(planned, Unfit):
            return Refused(says=Words(f"Không được: {planned.vi}.", f"It cannot be done: {planned.en}."), back=back)
        if ask.dry:
            return _plan(planned, back=back)
        as_shown = ask.one("version") == str(planned.seen) and ask.one("fingerprint") == planned.record.fingerprint
        if planned.useless or not as_shown:
            return Refused(says=MOVED_ON, back=back)
        if not self._rooms.bureau.write_binding(planned, actor=ask.actor, reason=ask.reason, now=ask.now):
            return Refused(says=MOVED_ON, back=back)
        says = Words("Đã thôi gắn chứng thư.", "The certificate was taken away.")
        if not planned.ends:
            says = Words("Đã gắn chứng thư.", "The certificate was bound.")
        return Done(says=says, to=back)


def _plan(planned: Binding, *, back: str) -> Plan:
    code = planned.organ.code
    carry = {"organ": [code], "fingerprint": [planned.record.fingerprint], "version": [str(planned.seen)]}
    if planned.ends:
        title = Words(f"Thôi gắn chứng thư của {code}", f"Take a certificate from {code}")
        says = Words(
            "Từ nay văn bản ký bằng chứng thư này bị từ chối.", "From now on, what is signed with it is refused."
        )
    else:
        title = Words(f"Gắn chứng thư cho {code}", f"Bind a certificate to {code}")
        says = Words("Cơ quan được ký bằng chứng thư này.", "The organ may sign with this certificate.")
        carry["carried"] = [planned.record.pem]
    return Plan(
        title=title,
        says=says,
        columns=COLUMNS,
        rows=[_row(planned)],
        carry=carry,
        back=back,
        danger=planned.ends,
        possible=not planned.useless,
        notes=[Words(vi, en) for vi, en in notes_of(planned)],
    )


def _row(planned: Binding) -> dict[str, Any]:
    looked, row = planned.looked, planned.looked.row
    return {
        "organ": planned.organ.code,
        "subject": row.subject,
        "issuer": row.issuer,
        "serial": row.serial,
        "since": row.since,
        "until": row.until,
        "key": looked.key,
        "path": " → ".join(looked.path),
        "standing": STANDING[looked.standing],
        "standing_code": looked.standing,
        "fingerprint": row.fingerprint,
        "holders": planned.holders,
        "findings": [each.code for each in looked.findings],
    }


def _uploaded(ask: Ask) -> bytes:
    """Raises AskedWrong when there is no file."""
    upload = ask.files.get("file")
    if upload is None:
        raise AskedWrong(Words("Chưa chọn tệp.", "No file was chosen."))
    return upload.file.read(CERTIFICATE_BYTES + 1)
