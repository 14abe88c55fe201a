"""The body of a submission taken apart: what was offered, whichever way it came. Synchronous: call it in a thread."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pybase64
from pydantic import ValidationError

from agents.gateway.bodies import Kept
from agents.gateway.rest.parts import FORM_TYPE, FormBroken, Part, split_form
from agents.gateway.rest.problems import Fault, Problem, ProblemCode, Said, invalid
from agents.gateway.rest.shapes import NewDocument
from agents.gateway.rest.wording import faults_of
from edxml_schemas.attachments import safe_file_name
from edxml_schemas.drafting.files import METADATA_BYTES
from edxml_schemas.limits import DEFAULT_LIMITS

LARGE: Final = 2**20
"""Bytes of a body above which it waits for its turn to be read into memory."""
METADATA_VALUES: Final = 60_000
"""Keys and items in all: 5,000 recipients with every field fit."""
METADATA_DEPTH: Final = 20
ENVELOPE_TYPES: Final = frozenset({"application/xml", "text/xml", "application/octet-stream"})
_FILE_NAMES: Final = frozenset({"files", "files[]", "file"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What was offered. Either `envelope` is a file with a finished envelope, or `metadata` and `files` are a draft.

    `digest` is the same for the same content, whichever way it came, and whatever order the metadata's keys have.
    `large`: take your turn before you read it.
    """

    digest: str
    name: str
    envelope: Path | None = None
    metadata: Mapping[str, Any] | None = None
    files: Sequence[Path] = ()
    large: bool = False


def read_offer(kept: Kept, stated: str, kind: str, folder: Path) -> Offer:
    """What a body holds. `stated` is its Content-Type, `kind` that without parameters; files are put into `folder`,
    which is made. Raises Problem and OSError.
    """
    if kind in ENVELOPE_TYPES:
        return Offer(digest=f"envelope:{kept.digest}", name="envelope", envelope=kept.path, large=kept.size > LARGE)
    folder.mkdir(mode=0o700)
    read = _read_form(kept, stated, folder) if kind == FORM_TYPE else _read_json(kept, folder)
    return replace(read, large=kept.size > LARGE)


def _read_form(kept: Kept, stated: str, folder: Path) -> Offer:
    try:
        parts = split_form(kept.path, stated, folder)
    except FormBroken as error:
        raise Problem(ProblemCode.MALFORMED, Said(vi=error.vi, en=error.en)) from None
    unknown = [each.name for each in parts if each.name not in {"envelope", "metadata", *_FILE_NAMES}]
    if unknown:
        raise invalid(*(_unknown_part(name) for name in dict.fromkeys(unknown[:10])))
    envelopes = [each for each in parts if each.name == "envelope"]
    metadata = [each for each in parts if each.name == "metadata"]
    files = [each for each in parts if each.name in _FILE_NAMES and (each.filename or each.size)]
    _require_one(len(envelopes), len(metadata), bool(files))
    if envelopes:
        return _envelope(envelopes[0].path, envelopes[0].digest, name=envelopes[0].filename or "envelope")
    if metadata[0].size > METADATA_BYTES:
        raise Problem(ProblemCode.TOO_LARGE)
    values = _parsed(metadata[0].path.read_bytes())
    if not isinstance(values, dict):
        raise invalid(_no_object("metadata"))
    return _draft(values, [(each.filename or each.name, each) for each in files], folder)


def _read_json(kept: Kept, folder: Path) -> Offer:
    values = _parsed(kept.path.read_bytes())
    try:
        asked = NewDocument.model_validate(values)
    except ValidationError as error:
        raise invalid(*faults_of([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])) from None
    del values
    _require_one(int(asked.envelope is not None), int(asked.metadata is not None), bool(asked.files))
    if asked.envelope is not None:
        part = _decoded("body.envelope", "envelope", asked.envelope, folder / "envelope")
        return _envelope(part.path, part.digest, name="envelope")
    named = [
        (each.name, _decoded(f"body.files.{number}.content", each.name, each.content, folder / f"part-{number}"))
        for number, each in enumerate(asked.files)
    ]
    return _draft(asked.metadata or {}, named, folder)


def _decoded(where: str, name: str, encoded: str, path: Path) -> Part:
    try:
        content = pybase64.b64decode(encoded.encode("ascii"), validate=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are such
        fault = Fault(
            where=where,
            vi="Không phải base64.",
            en="Not base64.",
            remedy=Said(
                vi="Đề nghị mã hóa nguyên byte của tệp bằng base64 chuẩn, không xuống dòng.",
                en="Encode the bytes of the file in standard base64 without line breaks.",
            ),
        )
        raise invalid(fault) from None
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return Part(name="files", filename=name, path=path, size=len(content), digest=digest)


def _envelope(path: Path, digest: str, *, name: str) -> Offer:
    return Offer(digest=f"envelope:{digest}", name=name, envelope=path)


def _draft(values: Mapping[str, Any], named: Sequence[tuple[str, Part]], folder: Path) -> Offer:
    """Each file gets a folder of its own, so that it can keep its name; a name that is not safe is made so."""
    _bounded(values)
    _may_fit(values, [part for _, part in named])
    taken: dict[str, str] = {}
    paths = []
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=True).encode())
    for number, (name, part) in enumerate(named):
        safe = safe_file_name(name, taken=taken.values())
        taken.setdefault(name, safe)
        place = folder / f"file-{number}"
        place.mkdir()
        paths.append(part.path.rename(place / safe))
        digest.update(f"\0{len(name)}:{name}:{part.digest}".encode("utf-8", "replace"))
    return Offer(
        digest=f"draft:{digest.hexdigest()}", name="metadata", metadata=_renamed(values, taken), files=tuple(paths)
    )


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """The metadata with the safe names in place of the stated ones, where its `attachments` speak of files."""
    wanted = values.get("attachments")
    if not isinstance(wanted, list):
        return values

    def renamed(each: Any) -> Any:
        if isinstance(each, str):
            return names.get(each, each)
        if isinstance(each, dict) and isinstance(each.get("file"), str):
            return {**each, "file": names.get(each["file"], each["file"])}
        return each

    return {**values, "attachments": [renamed(each) for each in wanted]}


def _bounded(values: Mapping[str, Any]) -> None:
    """Raises Problem for metadata that no document has: reading it would take long, and its faults fill a book."""
    left: list[tuple[Any, int]] = [(values, 1)]
    seen = 0
    while left:
        node, depth = left.pop()
        inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
        seen += len(inner)
        if seen > METADATA_VALUES or depth > METADATA_DEPTH or len(inner) > DEFAULT_LIMITS.recipients:
            raise invalid(
                Fault(
                    where="metadata",
                    vi=f"Siêu dữ liệu quá lớn: tối đa {METADATA_VALUES} giá trị, {METADATA_DEPTH} tầng, danh sách "
                    f"{DEFAULT_LIMITS.recipients} phần tử.",
                    en=f"The metadata are too large: at most {METADATA_VALUES} values, {METADATA_DEPTH} levels, lists "
                    f"of {DEFAULT_LIMITS.recipients}.",
                )
            )
        left += [(each, depth + 1) for each in inner]


def _may_fit(values: Mapping[str, Any], files: Sequence[Part]) -> None:
    """Raises Problem for files that no envelope can hold, before they are read into memory."""
    wanted = values.get("attachments")
    zipped = (
        any(isinstance(each, dict) and each.get("zipped") for each in wanted) if isinstance(wanted, list) else False
    )
    most = DEFAULT_LIMITS.unzipped_bytes if zipped else DEFAULT_LIMITS.envelope_bytes
    if sum(each.size for each in files) > most:
        raise Problem(ProblemCode.TOO_LARGE)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Problem(ProblemCode.MALFORMED) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _require_one(envelopes: int, metadata: int, files: bool) -> None:
    if envelopes + metadata == 1 and not (envelopes and files):
        return
    raise invalid(
        Fault(
            where="body",
            vi="Cần đúng một trong hai: envelope (gói EDXML đã đóng, không kèm tệp), hoặc metadata (kèm files).",
            en="Exactly one is needed: envelope (a finished EDXML envelope, without files), or metadata (with files).",
        )
    )


def _unknown_part(name: str) -> Fault:
    return Fault(
        where="body",
        vi=f"Không có phần nào tên “{name[:60]}”.",
        en=f"There is no part called “{name[:60]}”.",
        remedy=Said(
            vi="Các phần được nhận: envelope, hoặc metadata và files.", en="Parts are envelope, or metadata and files."
        ),
    )


def _no_object(where: str) -> Fault:
    return Fault(where=where, vi="Phải là đối tượng JSON.", en="Must be a JSON object.")
