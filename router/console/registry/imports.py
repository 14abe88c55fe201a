"""Imports of CSV and Excel: the differences first, and then exactly these."""

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from router.console.registry.words import FIELDS, MOVED_ON, REGISTRY
from router.console.shell.answers import ActionAnswer, Ask, Done, Page, Plan, Refused
from router.console.shell.asking import AskedWrong
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.people import Person, Scope
from router.services.registration.importing import Preview
from router.services.registration.registrar import Difference
from router.services.registration.registry_file import COLUMNS, FILE_BYTES, Problem

IMPORT: Final = f"{REGISTRY}/import"
TITLE: Final = Words("Nhập sổ đăng ký", "Import the registry")
MOST_LISTED: Final = 2000
"""More differences than this are counted, not listed."""
MOST_PROBLEMS: Final = 200
CARRIED: Final = 0.7  # of the bytes of a form: what a file may have that comes back with the confirmation
HEADINGS: Final = (
    ("kind", Words("Việc", "What")),
    ("code", Words("Mã", "Code")),
    ("name", Words("Tên", "Name")),
    ("changes", Words("Thay đổi", "Changes")),
)
KINDS: Final = {
    "added": Words("thêm", "added"),
    "changed": Words("đổi", "changed"),
    "ended": Words("kết thúc", "ended"),
}


class Imports:
    """The page and the action."""

    def __init__(self, rooms: Rooms) -> None:
        self._bureau = rooms.bureau
        self._most = int(min(rooms.settings.console.upload_bytes * CARRIED, FILE_BYTES))

    def page(self, _request: Request, _person: Person, _scope: Scope) -> Page:
        data = {"columns": COLUMNS, "most_bytes": self._most, "problems": []}
        return Page(template="registry/import.html", title=TITLE, data=data)

    def act(self, ask: Ask) -> ActionAnswer:
        """With an upload and `?dry=1` the differences; with the file as it was carried along, the import of these."""
        if ask.dry:
            return self._preview(ask)
        data = _carried(ask.one("carried"))
        done = self._bureau.apply(
            data, ask.scope, digest=ask.one("digest"), actor=ask.actor, reason=ask.reason, now=ask.now
        )
        if done is None or not isinstance(done, Preview):
            return Refused(says=MOVED_ON, back=IMPORT)
        says = Words(
            f"Đã nhập: {done.added} thêm, {done.changed} đổi, {done.ended} kết thúc.",
            f"Imported: {done.added} added, {done.changed} changed, {done.ended} ended.",
        )
        return Done(says=says, to=REGISTRY)

    def _preview(self, ask: Ask) -> ActionAnswer:
        upload = ask.files.get("file")
        if upload is None:
            raise AskedWrong(Words("Chưa chọn tệp.", "No file was chosen."))
        data = upload.file.read(self._most + 1)
        if len(data) > self._most:
            raise AskedWrong(Words("Tệp quá lớn.", "The file is too large."), status=413)
        found = self._bureau.preview(data, ask.scope)
        if not isinstance(found, Preview):
            return _faulty(found, most=self._most)
        return _plan(found, data)


def _plan(found: Preview, data: bytes) -> Plan:
    rows = [difference_shape(each) for each in found.plan.differences]
    listed = rows if len(rows) <= MOST_LISTED else []
    notes = []
    if found.plan.agents:
        names = ", ".join(each.name for each in found.plan.agents)
        notes.append(Words(f"Kết nối mới: {names}", f"New agents: {names}"))
    if not listed and rows:
        notes.append(
            Words(
                f"Có {len(rows)} thay đổi, nhiều hơn {MOST_LISTED}: không liệt kê. Xem hết: truc registry import "
                "--dry-run --json.",
                f"{len(rows)} differences are more than {MOST_LISTED} and are not listed. To see them: truc registry "
                "import --dry-run --json.",
            )
        )
    return Plan(
        title=TITLE,
        says=Words(
            f"{found.added} thêm, {found.changed} đổi, {found.ended} kết thúc, {found.plan.unchanged} giữ nguyên. Cơ "
            "quan không có trong tệp được giữ nguyên.",
            f"{found.added} added, {found.changed} changed, {found.ended} ended, {found.plan.unchanged} unchanged. "
            "Organs that the file does not name are left alone.",
        ),
        columns=HEADINGS,
        rows=listed,
        carry={"carried": [_packed(data)], "digest": [found.digest]},
        confirm=Words("Ghi đúng các thay đổi này", "Write exactly these differences"),
        back=IMPORT,
        danger=bool(found.ended),
        possible=bool(rows),
        notes=notes,
    )


def difference_shape(each: Difference) -> dict[str, Any]:
    """One organ of a preview, field by field."""
    kind = "added" if each.new else "ended" if each.ended else "changed"
    vi = [f"{_field(name).vi}: “{was}” → “{now}”" for name, was, now in each.fields]
    en = [f"{_field(name).en}: “{was}” → “{now}”" for name, was, now in each.fields]
    for mark, fingerprints in (("+", each.certificates_added), ("−", each.certificates_removed)):
        vi += [f"{mark} chứng thư {one[:16]}…" for one in fingerprints]
        en += [f"{mark} certificate {one[:16]}…" for one in fingerprints]
    return {
        "kind": KINDS[kind],
        "kind_code": kind,
        "line": each.line,
        "code": each.code,
        "name": each.name,
        "changes": Words("; ".join(vi), "; ".join(en)),
        "fields": [{"name": name, "before": was, "after": now} for name, was, now in each.fields],
        "certificates_added": each.certificates_added,
        "certificates_removed": each.certificates_removed,
    }


def _faulty(problems: Sequence[Problem], *, most: int) -> Page:
    told = [
        {"line": each.line, "column": each.column, "text": Words(each.vi, each.en)} for each in problems[:MOST_PROBLEMS]
    ]
    data = {"columns": COLUMNS, "most_bytes": most, "problems": told, "number": len(problems)}
    return Page(template="registry/import.html", title=TITLE, data=data, status=422)


def _field(name: str) -> Words:
    return FIELDS.get(name, Words(name, name))


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(data)).decode("ascii")


def _carried(text: str) -> bytes:
    """The file that the preview carried along. Raises AskedWrong."""
    wrong = AskedWrong(Words("Biểu mẫu không đúng.", "The form is wrong."))
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(base64.urlsafe_b64decode(text.encode("ascii")), FILE_BYTES + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise wrong from None
    if not unpacking.eof or len(data) > FILE_BYTES:
        raise wrong
    return data
