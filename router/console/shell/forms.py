"""Forms as they come in: bounded before they are read, and taken apart."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message

from router.console.shell.asking import AskedWrong
from router.console.shell.words import Words

TOKEN_FIELD: Final = "form"  # noqa: S105  a name
REASON_FIELD: Final = "reason"
MOST_FIELDS: Final = 20_000
MOST_FILES: Final = 4
KINDS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form's values by name. `token` says that it is ours, `reason` why somebody does it."""

    token: str
    reason: str
    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, UploadFile]

    def one(self, name: str) -> str:
        values = self.fields.get(name, ())
        return values[0] if values else ""


class TooLarge(AskedWrong):
    """More bytes than a form may have."""

    def __init__(self, most: int) -> None:
        megabytes = most / 2**20
        words = Words(f"Biểu mẫu lớn hơn {megabytes:g} MiB.", f"The form has more than {megabytes:g} MiB.")
        super().__init__(words, status=413)


@asynccontextmanager
async def read_form(request: Request, *, most: int) -> AsyncIterator[Form]:
    """The form of a request of at most so many bytes. Uploads are closed on leaving. Raises AskedWrong."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise AskedWrong(Words("Không phải biểu mẫu.", "This is no form."), status=415)
    stated = request.headers.get("content-length", "")
    if stated and (not stated.isascii() or not stated.isdigit() or len(stated) > 18 or int(stated) > most):
        raise TooLarge(most)
    bounded = Request(request.scope, _Bounded(request, most))
    async with bounded.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=most) as data:
        yield _taken_apart(data)


class _Bounded:
    """Counts what comes in, whatever Content-Length says."""

    def __init__(self, request: Request, most: int) -> None:
        self._receive = request.receive
        self._most = most
        self._got = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._got += len(message.get("body", b""))
        if self._got > self._most:
            raise TooLarge(self._most)
        return message


def _taken_apart(data: FormData) -> Form:
    fields: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                files[name] = value
        else:
            fields.setdefault(name, []).append(value)
    token = fields.pop(TOKEN_FIELD, [""])[0]
    reason = fields.pop(REASON_FIELD, [""])[0]
    return Form(token=token, reason=reason, fields=fields, files=files)
