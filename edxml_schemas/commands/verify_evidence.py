"""`edxml verify-evidence`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.commands.options import AsJson, Language, Verbose
from edxml_schemas.commands.output import Exit, Lang, in_languages, print_json, say, stop
from edxml_schemas.commands.signing import certificates_in

if TYPE_CHECKING:
    from cryptography import x509

MARKS: Final = {"good": "✓", "failed": "✗", "note": "!"}


def verify_evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Hồ sơ chứng cứ. / The evidence package.")],
    *,
    hub_cert: Annotated[
        list[Path] | None,
        typer.Option("--hub-cert", metavar="PEM", help="Chứng thư của trục mà bạn tin. / The hub's, as you know it."),
    ] = None,
    ca: Annotated[
        list[Path] | None,
        typer.Option("--ca", metavar="PEM", help="Gốc tin cậy cho bên gửi. / Trusted roots for the senders."),
    ] = None,
    tsa: Annotated[
        list[Path] | None,
        typer.Option("--tsa", metavar="PEM", help="Chứng thư nơi đóng dấu thời gian. / Of who stamped the time."),
    ] = None,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Kiểm tra hồ sơ chứng cứ, không cần mạng / Check an evidence package, offline.

    Kiểm tra từng byte: cấu trúc tệp, danh mục có chữ ký của trục, gói tin gốc và chữ ký bên gửi, chứng thư vào lúc nhận
    (kèm thu hồi), biên nhận, trạng thái, nhật ký đã niêm phong, bản tóm tắt. Không có --hub-cert thì tin chứng thư kèm
    theo và in SHA-256 để bạn tự so; không có --ca thì dùng chứng thư gốc kèm theo, và nói rõ.
    Every byte counts: the container, the manifest signed by the hub, the original envelopes and the senders'
    signatures, certificates at the time of receipt with revocation, receipts, statuses, the sealed log, the summary.
    Without --hub-cert the enclosed certificate is believed and its SHA-256 shown for you to compare; without --ca the
    enclosed roots are used, and named so.

    Ví dụ / example:  edxml verify-evidence chung-cu.zip --hub-cert truc.pem --ca goc.pem

    Mã thoát / exit codes: 0 mọi điều đều đúng / everything holds · 1 có điều sai / something does not · 2 sai cách
    dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from edxml_schemas.evidence.verify import Known, verify

    if not file.is_file():
        stop(Exit.USAGE, f"Không có tệp “{file}”.", f"There is no file “{file}”.", lang=lang)
    verdict = verify(
        file,
        Known(
            hub_certificates=_all(hub_cert, lang=lang),
            anchors=_all(ca, lang=lang),
            stamp_certificates=_all(tsa, lang=lang),
        ),
    )
    if as_json:
        print_json({"file": str(file), **verdict.as_dict()})
    else:
        for each in verdict.checks:
            first, *rest = in_languages(lang, each.vi, each.en)
            typer.echo(f"{MARKS[each.outcome.value]} {first}" + (f"  [{each.about}]" if each.about else ""))
            for text in rest:
                typer.echo(f"  {text}")
        if verdict.good:
            say(lang, "Chứng cứ đúng.", "The evidence holds.")
        else:
            say(lang, "CHỨNG CỨ KHÔNG ĐÚNG.", "THE EVIDENCE DOES NOT HOLD.")
    raise typer.Exit(Exit.GOOD if verdict.good else Exit.NEGATIVE)


def _all(paths: list[Path] | None, *, lang: Lang) -> "tuple[x509.Certificate, ...]":
    return tuple(each for path in paths or () for each in certificates_in(path, lang=lang))
