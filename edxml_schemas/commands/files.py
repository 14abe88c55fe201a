"""`edxml show`, `pack` and `extract`: from envelopes to what is in them, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edxml_schemas.commands.options import AsJson, Force, Language, Verbose
from edxml_schemas.commands.output import (
    STDIO,
    Exit,
    Lang,
    guard_output,
    print_findings,
    print_json,
    print_problems,
    read_input,
    say,
    stop,
    write_output,
)

if TYPE_CHECKING:
    from edxml_schemas.findings import Findings
    from edxml_schemas.judgement import Judgement

Source = Annotated[str, typer.Argument(metavar="FILE", help="Gói tin .edxml; “-” là stdin. / The envelope.")]


def show(
    file: Source,
    *,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Hiển thị nội dung gói tin / Show what an envelope holds.

    Nơi gửi, nơi nhận, số ký hiệu, trích yếu, tệp đính kèm (tên, loại, kích thước, giá trị băm), chữ ký, đường đi.
    Sender, recipients, number, subject, attachments with digests, signature and trace. It says what is written, not
    whether it may be believed: that is what edxml check and edxml verify are for.

    Ví dụ / example:  edxml show van-ban.edxml --lang vi

    Mã thoát / exit codes: 0 đọc được / readable · 1 không đọc được / not readable · 2 sai cách dùng / usage ·
    3 sự cố hạ tầng / infrastructure.
    """
    from edxml_schemas.commands.shapes import attachment_shape, envelope_shape, signature_shape
    from edxml_schemas.judgement import judge
    from edxml_schemas.model import Document

    judgement = judge(read_input(file, lang=lang))
    envelope = judgement.envelope
    if envelope is None:
        _refuse(judgement, file, as_json=as_json, lang=lang)
        return
    files = [attachment_shape(each) for each in envelope.attachments] if isinstance(envelope, Document) else []
    if as_json:
        print_json(
            {
                "file": file,
                "kind": judgement.kind.value if judgement.kind else None,
                "verdict": judgement.verdict.value,
                "digest": judgement.digest,
                "size": judgement.size,
                "document": envelope_shape(envelope),
                "attachments": files,
                "signature": signature_shape(judgement),
            }
        )
        return
    from edxml_schemas.commands.tables import print_envelope

    print_envelope(file, judgement, envelope, files, lang=lang)


def pack(
    meta: Annotated[
        Path, typer.Argument(metavar="META", help="Tệp .toml/.json, hoặc thư mục. / Metadata, or a folder.")
    ],
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILES…", help="Tệp đính kèm. / Attachments.")] = None,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Nơi ghi; “-” là stdout. / Where to write.")],
    force: Force = False,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Đóng gói văn bản hoặc trạng thái từ siêu dữ liệu và tệp / Make an envelope from metadata and files.

    Khóa là tên phần tử EDXML viết thường có gạch dưới: from.organ_id, to[].organ_id, code.code_number,
    promulgation_info.promulgation_date, subject… Phần suy ra được thì không cần ghi. Khóa lạ là lỗi.
    Keys are the EDXML element names in snake case; what can be derived may be left out; an unknown key is a fault.
    A folder with document.toml (or status.toml, or .json) is packed with the files in it. OUT is not overwritten
    without --force. The envelope is unsigned: see edxml sign.

    Ví dụ / example:  edxml pack document.toml cong-van.pdf phu-luc.docx -o cong-van.edxml

    Mã thoát / exit codes: 0 đã ghi / written · 1 bản thảo có lỗi / the draft is at fault · 2 sai cách dùng / usage ·
    3 sự cố hạ tầng / infrastructure.
    """
    from datetime import UTC, datetime

    from edxml_schemas import codec
    from edxml_schemas.drafts import load_draft

    if not meta.exists():
        stop(Exit.USAGE, f"Không có “{meta}”.", f"There is no “{meta}”.", lang=lang)
    if str(out) != STDIO:
        guard_output([out], force=force, lang=lang)
    draft = load_draft(meta, files or (), now=datetime.now(UTC))
    if isinstance(draft, tuple):
        if as_json:
            print_json({"out": None, "problems": [each.as_dict() for each in draft], "findings": []})
        else:
            print_problems(draft, lang=lang)
        raise typer.Exit(Exit.NEGATIVE)
    data = codec.encode(draft)
    decoded = codec.decode(data)  # what is written must be what a reader accepts
    if not isinstance(decoded, codec.Decoded):
        _report_findings(decoded, as_json=as_json, lang=lang, extra={"out": None, "problems": []})
        raise typer.Exit(Exit.NEGATIVE)
    write_output(out, data)
    _report_written(out, data, decoded.findings, as_json=as_json, lang=lang)


def extract(
    file: Source,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="Thư mục ghi. / Where to write.")],
    force: Force = False,
    even_if_broken: Annotated[
        bool, typer.Option("--even-if-broken", help="Lấy cả khi chữ ký hỏng. / Also when the signature is broken.")
    ] = False,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Lấy các tệp đính kèm ra thư mục / Write the attachments into a folder.

    Tệp nén một văn bản được giải nén; tên tệp được làm an toàn, không bao giờ ra ngoài thư mục; tệp đã có không bị ghi
    đè nếu thiếu --force. Files zipped one by one are unzipped; names are made safe and never lead out of the folder;
    nothing is overwritten without --force; either all files are written or none is begun. A document whose signature
    is broken is left alone unless --even-if-broken.

    Ví dụ / example:  edxml extract van-ban.edxml -o tep-dinh-kem

    Mã thoát / exit codes: 0 đã ghi / written · 1 gói tin có lỗi / the envelope is at fault · 2 sai cách dùng / usage ·
    3 sự cố hạ tầng / infrastructure.
    """
    import hashlib

    from edxml_schemas.attachments import OpenedAttachment, open_attachment, safe_file_name
    from edxml_schemas.judgement import SignatureState, judge
    from edxml_schemas.limits import DEFAULT_LIMITS
    from edxml_schemas.model import Document

    judgement = judge(read_input(file, lang=lang))
    broken = judgement.signature_state is SignatureState.BROKEN and not even_if_broken
    if judgement.envelope is None or judgement.structure or judgement.attachments or broken:
        _refuse(judgement, file, as_json=as_json, lang=lang)
    envelope = judgement.envelope
    attachments = envelope.attachments if isinstance(envelope, Document) else ()
    opened: list[OpenedAttachment] = []
    taken: set[str] = set()
    names: list[str] = []
    for each in attachments:
        one = open_attachment(each, DEFAULT_LIMITS)
        if not isinstance(one, OpenedAttachment):
            _report_findings(one, as_json=as_json, lang=lang, extra={"file": file, "written": []})
            raise typer.Exit(Exit.NEGATIVE)
        name = safe_file_name(one.name, taken=taken)
        taken.update((name, name.casefold()))  # one folder may stand on a file system that knows no case
        names.append(name)
        opened.append(one)
    targets = [out / name for name in names]
    if out.exists() and not out.is_dir():
        stop(Exit.USAGE, f"“{out}” không phải thư mục.", f"“{out}” is not a folder.", lang=lang)
    guard_output(targets, force=force, lang=lang)
    out.mkdir(parents=True, exist_ok=True)
    for target, one in zip(targets, opened, strict=True):
        write_output(target, one.content)
    if as_json:
        written = [
            {
                "path": str(target),
                "content_type": one.content_type,
                "zipped": one.zipped,
                "size": len(one.content),
                "digest": hashlib.sha256(one.content).hexdigest(),
            }
            for target, one in zip(targets, opened, strict=True)
        ]
        print_json({"file": file, "written": written, "findings": []})
    else:
        for target in targets:
            typer.echo(str(target))
        say(lang, f"Đã ghi {len(targets)} tệp.", f"{len(targets)} files written.", err=True)


def _refuse(judgement: "Judgement", name: str, *, as_json: bool, lang: Lang) -> None:
    """Ends a command on an envelope that is at fault, with the faults."""
    faults = (*judgement.structure, *judgement.attachments, *judgement.signature)
    if as_json:
        _report_findings(faults, as_json=True, lang=lang, extra={"file": name})
    else:
        say(lang, f"{name}: gói tin có lỗi.", f"{name}: the envelope is at fault.", err=True)
        print_findings(faults, lang=lang, err=True)
    raise typer.Exit(Exit.NEGATIVE)


def _report_findings(findings: "Findings", *, as_json: bool, lang: Lang, extra: dict[str, object]) -> None:
    from edxml_schemas.catalogue import as_dict

    if as_json:
        print_json({**extra, "findings": [as_dict(each) for each in findings]})
    else:
        print_findings(findings, lang=lang, indent="", err=True)


def _report_written(out: Path, data: bytes, remarks: "Findings", *, as_json: bool, lang: Lang) -> None:
    import hashlib

    from edxml_schemas.catalogue import as_dict

    if str(out) == STDIO:
        return
    digest = hashlib.sha256(data).hexdigest()
    if as_json:
        shown = [as_dict(each) for each in remarks]
        print_json({"out": str(out), "size": len(data), "digest": digest, "problems": [], "findings": shown})
        return
    typer.echo(str(out))
    say(lang, f"Đã ghi {len(data)} byte, SHA-256 {digest}.", f"{len(data)} bytes, SHA-256 {digest}.", err=True)
    print_findings(remarks, lang=lang, indent="", err=True)
