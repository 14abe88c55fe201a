"""`edxml sign` and `edxml verify`."""

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.commands.options import AsJson, Force, Language, Verbose
from edxml_schemas.commands.output import (
    STDIO,
    Exit,
    Lang,
    guard_output,
    label,
    print_findings,
    print_json,
    read_file,
    read_input,
    say,
    stop,
    write_output,
)

if TYPE_CHECKING:
    from cryptography import x509

    from edxml_schemas.findings import Findings
    from edxml_schemas.signatures import Signed
    from edxml_schemas.trust import Trust

_PEM_CRL: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\s?", re.DOTALL)

Source = Annotated[str, typer.Argument(metavar="FILE", help="Gói tin .edxml; “-” là stdin. / The envelope.")]


def sign(
    file: Source,
    *,
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="Khóa bí mật (PEM). / Private key (PEM).")],
    cert: Annotated[
        Path,
        typer.Option(
            "--cert", metavar="CERT", help="Chứng thư (PEM), kèm trung gian. / Certificate (PEM), with chain."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Nơi ghi; “-” là stdout. / Where to write.")],
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="Tệp chứa mật khẩu khóa. / File with the key's password.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Ký số gói tin / Sign an envelope.

    Đặt một Signature (XMLDSig, SHA-256, RSA hoặc ECDSA) vào edXMLHeader; chữ ký trang trí hay chữ ký cũ bị thay; mọi
    byte khác giữ nguyên. Gói tin có lỗi khác thì không được ký. Puts one Signature into edXMLHeader in place of a
    decorative or earlier one and leaves all other bytes alone. An envelope with other faults is not signed. OUT is not
    overwritten without --force.

    Ví dụ / example:  edxml sign van-ban.edxml --key khoa.pem --cert chung-thu.pem -o van-ban.da-ky.edxml

    Mã thoát / exit codes: 0 đã ký / signed · 1 gói tin có lỗi / the envelope is at fault · 2 sai cách dùng, khóa hoặc
    chứng thư không dùng được / usage, or an unusable key · 3 sự cố hạ tầng / infrastructure.
    """
    import hashlib

    from edxml_schemas import signatures
    from edxml_schemas.catalogue import as_dict
    from edxml_schemas.judgement import judge

    if str(out) != STDIO:
        guard_output([out], force=force, lang=lang)
    password = read_file(password_file, lang=lang).rstrip(b"\r\n") if password_file else None
    try:
        signer = signatures.Signer.load(read_file(key, lang=lang), read_file(cert, lang=lang), password)
    except signatures.SignerError as problem:
        stop(Exit.USAGE, problem.vi, problem.en, lang=lang)
    data = read_input(file, lang=lang)
    judgement = judge(data)
    faults = (*judgement.structure, *judgement.attachments)
    signed = b""
    if not faults:
        try:
            signed = signatures.sign(data, signer)
        except signatures.SigningError as problem:
            faults = problem.findings
    if faults:
        if as_json:
            print_json({"out": None, "findings": [as_dict(each) for each in faults]})
        else:
            say(lang, f"{file}: gói tin có lỗi, không ký.", f"{file}: at fault, not signed.", err=True)
            print_findings(faults, lang=lang, err=True)
        raise typer.Exit(Exit.NEGATIVE)
    write_output(out, signed)
    if str(out) == STDIO:
        return
    digest = hashlib.sha256(signed).hexdigest()
    if as_json:
        print_json({"out": str(out), "size": len(signed), "digest": digest, "findings": []})
        return
    typer.echo(str(out))
    say(lang, f"Đã ký. SHA-256 {digest}.", f"Signed. SHA-256 {digest}.", err=True)


def verify(
    file: Source,
    *,
    ca: Annotated[list[Path], typer.Option("--ca", metavar="CA", help="Chứng thư gốc tin cậy (PEM). / Trusted roots.")],
    intermediate: Annotated[
        list[Path] | None, typer.Option("--intermediate", help="Chứng thư trung gian (PEM). / Intermediates.")
    ] = None,
    crl: Annotated[
        list[Path] | None, typer.Option("--crl", help="Danh sách thu hồi (PEM hoặc DER). / Revocation lists.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", help="Thời điểm xét, giờ Việt Nam (mặc định: bây giờ). / When, Vietnam time (default: now)."
        ),
    ] = None,
    no_revocation: Annotated[
        bool, typer.Option("--no-revocation", help="Không đòi danh sách thu hồi. / Do not ask for revocation lists.")
    ] = False,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Kiểm tra chữ ký và chứng thư / Verify signature and certificate.

    Chữ ký phải toàn vẹn và chứng thư phải được tin cậy vào thời điểm xét: chuỗi tới một gốc trong --ca, thời hạn, quyền
    ký, thu hồi. Kết quả tin cậy có ba giá trị: good, bad, unknown (chưa rõ thu hồi; không bao giờ coi là tốt).
    The signature must be sound and the certificate trusted at that moment: a chain to a root in --ca, validity, key
    usage, revocation. Trust is good, bad or unknown (revocation not known, which never counts as good).

    Ví dụ / example:  edxml verify van-ban.edxml --ca goc.pem --intermediate cap.pem --crl thu-hoi.crl

    Mã thoát / exit codes: 0 toàn vẹn và tin cậy / sound and trusted · 1 không, hoặc chưa rõ / not, or unknown ·
    2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from datetime import UTC

    from edxml_schemas import safe_xml, signatures
    from edxml_schemas.reader import VIETNAM_TIME
    from edxml_schemas.trust import TrustMaterial, TrustValue, check_trust

    material = TrustMaterial(
        anchors=tuple(each for path in ca for each in certificates_in(path, lang=lang)),
        intermediates=tuple(each for path in intermediate or () for each in certificates_in(path, lang=lang)),
        crls=tuple(each for path in crl or () for each in _crls(path, lang=lang)),
        require_revocation=not no_revocation,
    )
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=at.tzinfo or VIETNAM_TIME)
    parsed = safe_xml.parse(read_input(file, lang=lang))
    checked = signatures.check_integrity(parsed) if isinstance(parsed, safe_xml.Parsed) else parsed
    if not isinstance(checked, signatures.Signed):
        _print_unsound(file, checked, as_json=as_json, lang=lang)
        raise typer.Exit(Exit.NEGATIVE)
    trust = check_trust(checked.certificate, material, at=moment, chain=checked.chain)
    if as_json:
        _print_json(file, checked, trust, moment)
    else:
        _print_trust(file, checked, trust, lang=lang)
    raise typer.Exit(Exit.GOOD if trust.value is TrustValue.GOOD else Exit.NEGATIVE)


def _print_unsound(file: str, findings: "Findings", *, as_json: bool, lang: Lang) -> None:
    from edxml_schemas.catalogue import as_dict

    if as_json:
        print_json({"file": file, "integrity": "bad", "trust": None, "findings": [as_dict(each) for each in findings]})
        return
    say(lang, f"{file}: chữ ký không hợp lệ.", f"{file}: the signature is not good.")
    print_findings(findings, lang=lang)


def _print_json(file: str, signed: "Signed", trust: "Trust", moment: datetime) -> None:
    from edxml_schemas.catalogue import as_dict
    from edxml_schemas.commands.shapes import certificate_shape, signed_shape

    print_json(
        {
            "file": file,
            "integrity": "good",
            "trust": trust.value.value,
            "at": moment.isoformat(),
            "algorithm": signed.algorithm,
            "content_digest": signed.content_digest,
            "certificate": signed_shape(signed),
            "path": [certificate_shape(each) for each in trust.path],
            "findings": [as_dict(each) for each in trust.findings],
        }
    )


def _print_trust(file: str, signed: "Signed", trust: "Trust", *, lang: Lang) -> None:
    from edxml_schemas.commands.shapes import signed_shape

    words = {
        "good": ("chữ ký toàn vẹn, chứng thư được tin cậy", "the signature is sound and the certificate trusted"),
        "bad": (
            "chữ ký toàn vẹn, chứng thư KHÔNG được tin cậy",
            "the signature is sound, the certificate is NOT trusted",
        ),
        "unknown": (
            "chữ ký toàn vẹn, chưa rõ chứng thư có bị thu hồi",
            "the signature is sound, revocation is unknown",
        ),
    }
    vi, en = words[trust.value.value]
    say(lang, f"{file}: {vi}.", f"{file}: {en}.")
    shape = signed_shape(signed)
    for key, vi_label, en_label in (
        ("subject", "Chủ thể", "subject"),
        ("issuer", "Nơi cấp", "issuer"),
        ("serial", "Số hiệu", "serial"),
        ("not_before", "Hiệu lực từ", "valid from"),
        ("not_after", "Hiệu lực đến", "valid until"),
        ("fingerprint", "SHA-256", "SHA-256"),
    ):
        typer.echo(f"  {label(lang, vi_label, en_label)}: {shape[key]}")
    print_findings(trust.findings, lang=lang)


def certificates_in(path: Path, *, lang: Lang) -> "list[x509.Certificate]":
    from cryptography import x509

    data = read_file(path, lang=lang, most=2**24)
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        stop(Exit.USAGE, f"“{path}” không phải chứng thư X.509.", f"“{path}” is no X.509 certificate.", lang=lang)


def _crls(path: Path, *, lang: Lang) -> "list[x509.CertificateRevocationList]":
    from cryptography import x509

    data = read_file(path, lang=lang, most=2**26)
    blocks = _PEM_CRL.findall(data)
    try:
        if blocks:
            return [x509.load_pem_x509_crl(block) for block in blocks]
        return [x509.load_der_x509_crl(data)]
    except ValueError:
        stop(Exit.USAGE, f"“{path}” không phải danh sách thu hồi.", f"“{path}” is no revocation list.", lang=lang)
