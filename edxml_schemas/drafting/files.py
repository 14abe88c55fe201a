"""The files of a draft: its metadata read from TOML or JSON, and what is attached."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edxml_schemas.attachments import pack_attachment
from edxml_schemas.drafting.fields import AttachmentDraft
from edxml_schemas.drafting.reader import DraftProblem, DraftProblems, Notebook
from edxml_schemas.limits import Limits
from edxml_schemas.model import Attachment

METADATA_NAMES: Final = ("document.toml", "document.json", "status.toml", "status.json")
"""What the metadata of a draft folder is called; a folder holds exactly one of them."""

METADATA_BYTES: Final = 4 * 2**20
"""Longest metadata file, in bytes: 5,000 recipients with addresses fit."""

CONTENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".pdf": "application/pdf",
        ".doc": "application/msword",
        ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".xls": "application/vnd.ms-excel",
        ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".ppt": "application/vnd.ms-powerpoint",
        ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".odt": "application/vnd.oasis.opendocument.text",
        ".rtf": "application/rtf",
        ".txt": "text/plain",
        ".csv": "text/csv",
        ".xml": "application/xml",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".png": "image/png",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
        ".zip": "application/zip",
        ".rar": "application/vnd.rar",
        ".7z": "application/x-7z-compressed",
    }
)
"""Content types by the ending of a file's name, lower case."""

ANY_CONTENT: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A metadata file that could be read."""

    path: Path
    values: Mapping[str, object]


def read_metadata(place: Path) -> Metadata | DraftProblems:
    """The metadata in a file, or in the folder `place`; a problem when it is missing, doubled or unreadable."""
    if place.is_dir():
        found = [place / name for name in METADATA_NAMES if (place / name).is_file()]
        if len(found) != 1:
            return (_folder_problem(place, found),)
        place = found[0]
    try:
        with place.open("rb") as file:
            data = file.read(METADATA_BYTES + 1)
        if len(data) > METADATA_BYTES:
            return (_unreadable(place, f"> {METADATA_BYTES} bytes"),)
        text = data.decode("utf-8-sig")
        values = (
            json.loads(text, object_pairs_hook=_once) if place.suffix.casefold() == ".json" else tomllib.loads(text)
        )
    except (OSError, ValueError, RecursionError) as error:
        return (_unreadable(place, _reason(error)),)
    if not isinstance(values, dict):
        return (_unreadable(place, "not a table of keys"),)
    return Metadata(path=place, values=values)


def folder_files(metadata: Path) -> tuple[Path, ...]:
    """The files beside a metadata file, by name; hidden files and links out of the folder are no attachments."""
    folder = metadata.parent.resolve()
    return tuple(
        each
        for each in sorted(metadata.parent.iterdir())
        if each.name != metadata.name
        and not each.name.startswith(".")
        and each.is_file()
        and each.resolve().parent == folder
    )


def attach(
    wanted: Sequence[AttachmentDraft],
    files: Sequence[Path],
    *,
    folder: Path | None,
    notebook: Notebook,
    limits: Limits,
) -> tuple[Attachment, ...]:
    """The attachments: those that `wanted` describes, in its order, then the remaining files in theirs."""
    left = list(files)
    planned: list[tuple[AttachmentDraft, Path]] = []
    for each in wanted:
        path = next((file for file in left if each.file in {file.name, str(file)}), None)
        if path is not None:
            left.remove(path)
        else:
            path = _inside(folder, each.file)
        if path is None:
            notebook.problem(
                each.where,
                vi=f"Không tìm thấy tệp “{each.file}”.",
                en=f"The file “{each.file}” is not there.",
                remedy_vi="Đề nghị đặt tệp cạnh siêu dữ liệu hoặc ghi trên dòng lệnh; không lấy tệp ngoài thư mục.",
                remedy_en="Put it beside the metadata or name it on the command line; files elsewhere are not taken.",
            )
        else:
            planned.append((each, path))
    planned += [(AttachmentDraft(where="", file=path.name), path) for path in left]
    packed: list[Attachment] = []
    for number, (each, path) in enumerate(planned, start=1):
        content = _content(path, where=each.where, notebook=notebook, limits=limits)
        if content is None:
            continue
        name = each.attachment_name or path.name
        packed.append(
            pack_attachment(
                name,
                content,
                content_id=f"attachment-{number}",
                zipped=each.zipped,
                content_type=each.content_type or (None if each.zipped else content_type_of(name)),
                description=each.description or name,
            )
        )
    return tuple(packed)


def content_type_of(name: str) -> str:
    """The content type that a file's name promises."""
    return CONTENT_TYPES.get(Path(name).suffix.casefold(), ANY_CONTENT)


def _inside(folder: Path | None, name: str) -> Path | None:
    """The file `name` below `folder`; None when there is none, or when a path or link leads out of it."""
    if folder is None:
        return None
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None


def _content(path: Path, *, where: str, notebook: Notebook, limits: Limits) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(limits.attachment_bytes + 1)
    except OSError as error:
        notebook.problem(
            where,
            vi=f"Không đọc được tệp “{path.name}”: {_reason(error)}.",
            en=f"The file “{path.name}” cannot be read: {_reason(error)}.",
            remedy_vi="Đề nghị kiểm tra tên tệp và quyền đọc.",
            remedy_en="Check the file's name and whether you may read it.",
        )
        return None
    if len(content) > limits.attachment_bytes:
        notebook.problem(
            where,
            vi=f"Tệp “{path.name}” lớn hơn giới hạn {limits.attachment_bytes} byte.",
            en=f"The file “{path.name}” is larger than the limit of {limits.attachment_bytes} bytes.",
            remedy_vi="Đề nghị nén hoặc tách tệp.",
            remedy_en="Compress or split the file.",
        )
        return None
    return content


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key “{key}” stands twice")
        found[key] = value
    return found


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _unreadable(path: Path, reason: str) -> DraftProblem:
    return DraftProblem(
        where="",
        source=path.name,
        vi=f"Không đọc được siêu dữ liệu “{path.name}”: {reason}.",
        en=f"The metadata “{path.name}” cannot be read: {reason}.",
        remedy_vi="Đề nghị ghi tệp dạng TOML (hoặc JSON nếu tên kết thúc bằng .json), mã UTF-8.",
        remedy_en="Write it as TOML (or as JSON when the name ends in .json), in UTF-8.",
    )


def _folder_problem(folder: Path, found: Sequence[Path]) -> DraftProblem:
    names = ", ".join(each.name for each in found)
    wanted = ", ".join(METADATA_NAMES)
    return DraftProblem(
        where="",
        source=folder.name,
        vi=f"Thư mục có nhiều tệp siêu dữ liệu: {names}." if found else "Thư mục không có tệp siêu dữ liệu.",
        en=f"The folder holds several metadata files: {names}." if found else "The folder holds no metadata file.",
        remedy_vi=f"Đề nghị để đúng một trong các tệp: {wanted}.",
        remedy_en=f"Let it hold exactly one of: {wanted}.",
    )
