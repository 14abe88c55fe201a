"""The hub's own key: made once, read at every start, and refused when it could not be trusted.

The key is an unencrypted PEM file that nobody but the hub's user may read. The certificate beside it is what agents
pin, so it changes rarely; the first one in its file is the hub's, those behind it are authorities that issued it.
"""

import os
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edxml_schemas.catalogue import explain
from edxml_schemas.certificates.rules import leaf_faults, validity_faults
from edxml_schemas.signatures import Signer, SignerError
from edxml_schemas.signed_receipts import ReceiptPen
from router.errors import UsageProblem

LIFE: Final = timedelta(days=3652)  # ten years
BACKDATED: Final = timedelta(days=1)  # clocks of agents may be behind
COMMON_NAME_CHARS: Final = 64  # RFC 5280, ub-common-name
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MOST: Final = 2**20  # bytes of a key or certificate file


def load_hub_key(*, key: Path, certificate: Path, folder: Path, now: datetime) -> ReceiptPen:
    """The key that signs the hub's word. `folder` is that of the configuration, for the remedy.

    Raises UsageProblem when a file is missing or no PEM, when others may read the key, when the certificate is another
    key's, is not valid at `now`, or is not for signing.
    """
    for path in (key, certificate):
        if not path.is_file():
            raise UsageProblem(
                f"Trục chưa có khóa ký biên nhận: không có tệp {path}",
                f"The hub has no key to sign receipts with: there is no file {path}",
                remedy_vi=f"tạo bằng: truc init --key {folder}   (hoặc đặt [hub_key] trong truc.toml)",
                remedy_en=f"make one with: truc init --key {folder}   (or set [hub_key] in truc.toml)",
            )
    mode = key.stat().st_mode
    if os.name == "posix" and mode & _OTHERS:
        raise UsageProblem(
            f"Người khác đọc được khóa của trục {key} (quyền {stat.S_IMODE(mode):04o})",
            f"Others may read the hub's key {key} (mode {stat.S_IMODE(mode):04o})",
            remedy_vi=f"chmod 600 {key}; nếu máy có nhiều người dùng, nên thay khóa",
            remedy_en=f"chmod 600 {key}; replace the key if other people use this machine",
        )
    try:
        signer = Signer.load(_read(key), _read(certificate))
    except SignerError as problem:
        raise UsageProblem(
            f"Khóa của trục không dùng được ({key}, {certificate}): {problem.vi}",
            f"The hub's key cannot be used ({key}, {certificate}): {problem.en}",
        ) from problem
    faults = [*leaf_faults(signer.certificate), *validity_faults(signer.certificate, now)]
    if faults:
        told = explain(faults[0])
        raise UsageProblem(
            f"Chứng thư của trục không dùng được ({certificate}): {told.message_vi}",
            f"The hub's certificate cannot be used ({certificate}): {told.message_en}",
            remedy_vi="dùng chứng thư còn hạn có digitalSignature; sau khi thay, gửi chứng thư mới cho các agent",
            remedy_en="use a valid certificate with digitalSignature; then give the new one to the agents",
        )
    return ReceiptPen(signer)


def make_hub_key(*, key: Path, certificate: Path, name: str, now: datetime) -> None:
    """A new P-256 key (mode 0600) with a self-signed certificate for ten years, named after the hub.

    Raises UsageProblem when one of the files is there: a hub's key is never overwritten.
    """
    for path in (key, certificate):
        if path.exists():
            raise UsageProblem(
                f"{path} đã có, không ghi đè",
                f"{path} exists and is not overwritten",
                remedy_vi="chuyển cả khóa và chứng thư cũ đi chỗ khác trước",
                remedy_en="move both the old key and its certificate away first",
            )
    made = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:COMMON_NAME_CHARS])])
    start = now - BACKDATED
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(made.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(made.public_key()), critical=False)
        .sign(made, hashes.SHA256())
    )
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content, mode in (
        (key, pem, 0o600),
        (certificate, signed.public_bytes(serialization.Encoding.PEM), 0o644),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The mode counts from the first byte on.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _signing() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST)
