"""From a step's files to the envelope it sends: placeholders filled, signed or not, tampered or not.

Placeholders make every replay new, so that a set can be played again and again on the same hub:

    {run}          digits that differ from replay to replay
    {who.ALIAS}    organ code of a body
    {doc.STEP}     DocumentId of an earlier step's document
    {code.STEP}    its number/notation
    {date.STEP}    its day of promulgation, YYYY-MM-DD
    {today}        the day of the replay in Vietnam, YYYY-MM-DD
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from agents.desk import Desk
from agents.errors import UsageFault
from agents.keys import load_signer
from agents.packaging import VIETNAM, Refusal, refusal_lines
from agents.replay.message_set import Kind, MessageSet, Step
from agents.replay.tampering import tampered
from edxml_schemas import codec, signatures
from edxml_schemas.drafting.files import folder_files, read_metadata
from edxml_schemas.drafts import draft_from_mapping
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Document, Envelope, Organ
from edxml_schemas.signatures import Signer

CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""A name inside --credentials: sets come from strangers, and must not reach for other keys."""
PLACEHOLDER: Final = re.compile(r"\{(run|today|(?:who|doc|code|date)\.[a-z0-9-]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a step sends. `content` is None when the agent packages and signs `envelope` itself."""

    step: Step
    envelope: Envelope | None
    content: bytes | None = field(default=None, repr=False)

    @property
    def document_id(self) -> str:
        return self.envelope.document_id if isinstance(self.envelope, Document) else ""


class Renderer:
    """Renders the steps of one replay, in the order of the set."""

    def __init__(
        self,
        message_set: MessageSet,
        desks: Mapping[str, Desk],
        *,
        run: str,
        now: datetime,
        credentials: Path | None = None,
    ) -> None:
        self._set = message_set
        self._desks = desks
        self._run = run
        self._now = now
        self._credentials = credentials
        self._done: dict[str, Rendered] = {}
        self.implied: dict[str, set[str]] = {}
        """Steps that a step waits for because its text names them."""

    def render(self, step: Step) -> Rendered:
        """Raises UsageFault, which names the step, for files that cannot be."""
        self.implied[step.id] = set()
        try:
            rendered = self._render(step)
        except UsageFault as fault:
            raise UsageFault(f"Bước {step.id}: {fault.vi}", f"Step {step.id}: {fault.en}") from fault
        self._done[step.id] = rendered
        return rendered

    def _render(self, step: Step) -> Rendered:
        if step.kind in {Kind.STATUS, Kind.RECALL, Kind.RESEND}:
            return Rendered(step=step, envelope=None)
        if step.kind is Kind.RAW:
            return Rendered(step=step, envelope=None, content=self._read(step.raw))
        draft, content = self._drafted(step) if step.draft else self._enveloped(step)
        if not step.through_raw:
            return Rendered(step=step, envelope=draft, content=content)
        content = codec.encode(draft) if content is None else content
        for old, new in step.replace:
            if old.encode() not in content:
                raise UsageFault(f"Không thấy “{old}” trong gói tin.", f"“{old}” is not in the envelope.")
            content = content.replace(old.encode(), self._fill(step, new).encode())
        try:
            content = signatures.sign(content, self._signer(step))
        except signatures.SigningError as error:
            raise _refused(error.findings) from error
        if step.tamper is not None:
            content = tampered(content, step.tamper)
        return Rendered(step=step, envelope=draft, content=content)

    def _drafted(self, step: Step) -> tuple[Envelope, None]:
        place = self._inside(step.draft)
        meta = read_metadata(place)
        if isinstance(meta, tuple):
            raise _refused(meta)
        values: dict[str, Any] = self._filled(step, meta.values)
        sender = self._set.who[step.who]
        values.setdefault("from", {"organ_id": sender.organ_id, "organ_name": sender.name})
        if step.to:
            values["to"] = [{"organ_id": self._set.who[alias].organ_id} for alias in step.to]
        files = folder_files(meta.path) if place.is_dir() else ()
        draft = draft_from_mapping(values, files, now=self._now, source=meta.path.name, folder=meta.path.parent)
        if isinstance(draft, tuple):
            raise _refused(draft)
        return draft, None

    def _enveloped(self, step: Step) -> tuple[Envelope, bytes]:
        text = self._read(step.envelope).decode("utf-8", "surrogateescape")
        content = self._fill(step, text).encode("utf-8", "surrogateescape")
        decoded = codec.decode(content)
        if not isinstance(decoded, codec.Decoded):
            raise _refused(decoded)
        envelope = decoded.envelope
        if step.to and isinstance(envelope, Document):
            recipients = tuple(Organ(organ_id=self._set.who[alias].organ_id) for alias in step.to)
            envelope = replace(envelope, recipients=recipients)
            content = codec.encode(envelope)
        return envelope, content

    def _signer(self, step: Step) -> Signer:
        if step.credential:
            if self._credentials is None:
                raise UsageFault("Cần --credentials.", "--credentials is needed.")
            if not CREDENTIAL.fullmatch(step.credential):
                raise UsageFault(
                    f"credential “{step.credential}” không phải một tên trong thư mục --credentials.",
                    f"The credential “{step.credential}” is no name inside the folder --credentials.",
                )
            name = self._credentials / step.credential
            return load_signer(name.with_name(f"{name.name}.key.pem"), name.with_name(f"{name.name}.cert.pem"))
        alias = step.sign_as or step.who
        who = self._set.who[alias]
        desk = self._desks.get(who.agent)
        signer = desk.keyring.signer(who.organ_id) if desk else None
        if signer is None:
            raise UsageFault(f"Không có khóa của {alias}.", f"There is no key of {alias}.")
        return signer

    def _read(self, name: str) -> bytes:
        try:
            with self._inside(name).open("rb") as file:
                return file.read(DEFAULT_LIMITS.envelope_bytes + 1)
        except OSError as error:
            raise UsageFault(f"Không đọc được {name}: {error.strerror}", f"{name}: {error.strerror}") from error

    def _inside(self, name: str) -> Path:
        """A path of the set, never outside its folder: sets come from strangers."""
        folder = self._set.folder.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise UsageFault(f"{name} nằm ngoài bộ thông điệp.", f"{name} lies outside the message set.")
        return path

    def _filled(self, step: Step, value: Any) -> Any:
        if isinstance(value, str):
            return self._fill(step, value)
        if isinstance(value, Mapping):
            return {key: self._filled(step, each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._filled(step, each) for each in value]
        return value

    def _fill(self, step: Step, text: str) -> str:
        return PLACEHOLDER.sub(lambda match: self._value(step, match[1]), text)

    def _value(self, step: Step, name: str) -> str:
        if name == "run":
            return self._run
        if name == "today":
            return self._now.astimezone(VIETNAM).date().isoformat()
        kind, _, key = name.partition(".")
        if kind == "who":
            if key not in self._set.who:
                raise UsageFault(f"Không có ai tên {key}.", f"Nobody is called {key}.")
            return self._set.who[key].organ_id
        earlier = self._done.get(key)
        if earlier is None or not isinstance(earlier.envelope, Document):
            raise UsageFault(f"Không có văn bản trước đó tên {key}.", f"No earlier document is called {key}.")
        self.implied[step.id].add(key)
        document = earlier.envelope
        day = document.promulgation_info.promulgation_date
        return {
            "doc": document.document_id,
            "code": str(document.code),
            "date": day.isoformat() if day else "",
        }[kind]


def _refused(refusal: Refusal) -> UsageFault:
    lines = "\n".join(refusal_lines(refusal))
    return UsageFault(f"bản thảo có lỗi:\n{lines}", "the draft has faults (see above).")
