"""`edxml verify-receipt`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.commands.options import AsJson, Language, Verbose
from edxml_schemas.commands.output import (
    Exit,
    Lang,
    label,
    print_findings,
    print_json,
    read_file,
    read_input,
    say,
    stop,
)

if TYPE_CHECKING:
    from datetime import datetime

    from edxml_schemas.receipts import Receipt
    from edxml_schemas.signed_receipts import HubTrust, SignedReceipt

_KIND_TEXT: Final = {
    "accepted": ("trục đã tiếp nhận thông điệp", "the hub accepted the message"),
    "refused": ("trục từ chối thông điệp", "the hub refused the message"),
    "handed-over": ("đã chuyển vào hộp thư của nơi nhận", "handed over to the recipient's inbox"),
    "delivered": ("phần mềm của nơi nhận đã lưu thông điệp", "durable at the recipient's agent"),
    "not-delivered": ("chưa chuyển được trong thời hạn", "not delivered in time"),
}


def verify_receipt(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Biên nhận; “-” là stdin. / The receipt.")],
    *,
    hub_cert: Annotated[
        Path,
        typer.Option("--hub-cert", metavar="CERT", help="Chứng thư của trục (PEM). / The hub's certificate (PEM)."),
    ],
    hub_name: Annotated[
        str,
        typer.Option("--hub-name", help="Tên trục, khi CERT là của nơi cấp (CA). / The hub's name, when CERT is a CA."),
    ] = "",
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Kiểm tra biên nhận của trục / Verify a receipt of the hub.

    Chữ ký phải toàn vẹn, phủ cả biên nhận, do khóa của trục tạo; in ra ai ký và biên nhận nói gì. Không cần mạng.
    The signature must be sound, cover all of the receipt, and be the hub's; says who signed and what it says. Offline.

    Ví dụ / example:  edxml verify-receipt bien-nhan.xml --hub-cert hub.cert.pem

    Mã thoát / exit codes: 0 do trục ký, còn nguyên / signed by the hub, unaltered · 1 không / not · 2 sai cách dùng /
    usage · 3 sự cố hạ tầng / infrastructure.
    """
    from edxml_schemas.catalogue import as_dict
    from edxml_schemas.signed_receipts import SignedReceipt, open_receipt

    hub = _trust(hub_cert, hub_name, lang=lang)
    opened = open_receipt(read_input(file, lang=lang), hub)
    if isinstance(opened, SignedReceipt):
        if as_json:
            print_json({"file": file, "valid": True, **_shape(opened), "findings": []})
        else:
            _print(file, opened, lang=lang)
        return
    if as_json:
        print_json({"file": file, "valid": False, "findings": [as_dict(each) for each in opened]})
    else:
        say(lang, f"{file}: KHÔNG phải biên nhận trục đã ký.", f"{file}: NOT a receipt that the hub signed.")
        print_findings(opened, lang=lang)
    raise typer.Exit(Exit.NEGATIVE)


def _trust(path: Path, name: str, *, lang: Lang) -> "HubTrust":
    from edxml_schemas.signatures import SignerError
    from edxml_schemas.signed_receipts import HubTrust

    try:
        return HubTrust.from_pem(read_file(path, lang=lang), name=name)
    except SignerError as problem:
        stop(Exit.USAGE, f"{path}: {problem.vi}", f"{path}: {problem.en}", lang=lang)


def _shape(opened: "SignedReceipt") -> dict[str, object]:
    from edxml_schemas.catalogue import as_dict
    from edxml_schemas.commands.shapes import certificate_shape

    receipt = opened.receipt
    return {
        "signed_by": opened.signer,
        "algorithm": opened.algorithm,
        "words_digest": opened.words_digest,
        "certificate": {**certificate_shape(opened.certificate), "fingerprint": opened.fingerprint},
        "receipt": {
            "receipt_id": receipt.receipt_id,
            "kind": receipt.kind.value,
            "message_id": receipt.message_id,
            "trace_id": receipt.trace_id,
            "submission_id": receipt.submission_id,
            "message_type": receipt.message_type,
            "document_id": receipt.document_id,
            "sender": receipt.sender,
            "digest": receipt.digest,
            "size": receipt.size,
            "received_at": receipt.received_at.isoformat(),
            "decided_at": receipt.decided_at.isoformat(),
            "duplicate": receipt.duplicate,
            "vouched": receipt.vouched.as_dict() if receipt.vouched is not None else None,
            "legs": [
                {"recipient": each.recipient, "leg_id": each.leg_id, "forwarded_to": each.forwarded_to}
                for each in receipt.legs
            ],
            "findings": [as_dict(each) for each in receipt.findings],
        },
    }


def _print(file: str, opened: "SignedReceipt", *, lang: Lang) -> None:
    receipt = opened.receipt
    say(
        lang,
        f"{file}: biên nhận do “{opened.signer}” ký, còn nguyên vẹn.",
        f"{file}: a receipt signed by “{opened.signer}”, unaltered.",
    )
    vi, en = _KIND_TEXT[receipt.kind.value]
    rows = (
        ("Nội dung", "it says", f"{receipt.kind.value}: {label(lang, vi, en)}"),
        ("Lúc", "at", _vietnam(receipt.decided_at)),
        ("Trục nhận lúc", "received at", _vietnam(receipt.received_at)),
        ("Nơi gửi", "sender", receipt.sender),
        ("Văn bản", "document", receipt.document_id),
        ("Mã lần gửi", "submission", receipt.submission_id),
        ("SHA-256", "SHA-256", f"{receipt.digest} ({receipt.size} byte)"),
        ("Chứng thư", "certificate", f"SHA-256 {opened.fingerprint}, {opened.algorithm}"),
    )
    for vi_label, en_label, text in rows:
        if text:
            typer.echo(f"  {label(lang, vi_label, en_label)}: {text}")
    _print_vouched(receipt, lang=lang)
    for each in receipt.legs:
        instead = f" → {each.forwarded_to}" if each.forwarded_to else ""
        typer.echo(f"  {label(lang, 'Nơi nhận', 'recipient')}: {each.recipient}{instead} {each.leg_id}")
    if receipt.findings:
        typer.echo(f"  {label(lang, 'Nhận xét của trục', 'the hub found')}: {len(receipt.findings)}")
        print_findings(receipt.findings, lang=lang)


def _print_vouched(receipt: "Receipt", *, lang: Lang) -> None:
    """Who vouched for the sender's system, and what was done to its envelope."""
    from edxml_schemas.visible import visible
    from edxml_schemas.vouched import repair_text

    note = receipt.vouched
    if note is None:
        return
    typer.echo(f"  {label(lang, 'Ký thay cho hệ thống', 'signed on behalf of')}: {visible(note.system)}")
    typer.echo(f"  {label(lang, 'Bản gốc', 'original')}: SHA-256 {note.digest} ({note.size} byte)")
    for each in note.repairs:
        typer.echo(f"    - {label(lang, *repair_text(each))}")


def _vietnam(moment: "datetime") -> str:
    """Vietnam time, to the second."""
    from edxml_schemas.reader import VIETNAM_TIME

    return f"{moment.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M:%S}"
