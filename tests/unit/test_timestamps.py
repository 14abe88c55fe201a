"""RFC 3161: what a token proves, and what it does not."""

import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edxml_schemas.evidence.timestamps import TOKEN_BYTES, StampFault, check_token, request_of, token_of
from tests.support.pki import Pki
from tests.support.stamps import STAMPING, LocalAuthority

NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
DIGEST = "ab" * 32
NONCE = 123_456_789


@pytest.fixture(params=["ec", "rsa"])
def authority(request: pytest.FixtureRequest) -> LocalAuthority:
    return LocalAuthority(Pki(NOW), now=NOW, kind=request.param)


def token(authority: LocalAuthority) -> bytes:
    return token_of(authority.ask(request_of(DIGEST, nonce=NONCE)), DIGEST, nonce=NONCE)


def test_a_token_says_when_and_by_whom(authority: LocalAuthority) -> None:
    stamp = check_token(token(authority), DIGEST)
    assert (stamp.made_at, stamp.signer) == (NOW, authority.credential.cert)


def test_a_token_is_for_one_digest_and_one_question(authority: LocalAuthority) -> None:
    answer = authority.ask(request_of(DIGEST, nonce=NONCE))
    with pytest.raises(StampFault):
        token_of(answer, "cd" * 32, nonce=NONCE)
    with pytest.raises(StampFault):
        token_of(answer, DIGEST, nonce=NONCE + 1)


def test_a_refusal_is_no_token(authority: LocalAuthority) -> None:
    authority.refuses = True
    with pytest.raises(StampFault):
        token_of(authority.ask(request_of(DIGEST, nonce=NONCE)), DIGEST, nonce=NONCE)


def test_a_certificate_that_may_not_stamp_stamps_nothing() -> None:
    with pytest.raises(StampFault):
        token(LocalAuthority(Pki(NOW), now=NOW, may_stamp=False))


def test_a_stamp_after_the_certificate_ran_out_is_none() -> None:
    with pytest.raises(StampFault):
        token(LocalAuthority(Pki(NOW), now=NOW + timedelta(days=2000)))


@pytest.mark.parametrize("junk", [b"", b"0", b"\x30\x80" * 50, b"<html>", b"\0" * (TOKEN_BYTES + 1)])
def test_bytes_that_are_no_answer_are_told_so(junk: bytes) -> None:
    with pytest.raises(StampFault):
        token_of(junk, DIGEST, nonce=NONCE)
    with pytest.raises(StampFault):
        check_token(junk, DIGEST)


def test_altered_tokens_never_crash_and_never_tell_another_time(authority: LocalAuthority) -> None:
    good, dice = token(authority), random.Random(1)  # noqa: S311  no secret
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ dice.randrange(1, 256)]) + good[at + 1 :]
        try:
            assert check_token(changed, DIGEST).made_at == NOW
        except StampFault:
            continue


def test_what_openssl_stamps_is_understood(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    now = datetime.now(UTC)
    credential = Pki(now).issue("TSA", kind="rsa", extensions=[STAMPING])
    (tmp_path / "key.pem").write_bytes(credential.key_pem)
    (tmp_path / "cert.pem").write_bytes(credential.cert_pem)
    (tmp_path / "serial").write_text("01")
    (tmp_path / "question").write_bytes(request_of(DIGEST, nonce=NONCE))
    (tmp_path / "config").write_text(
        f"[tsa]\ndefault_tsa=one\n[one]\nserial={tmp_path}/serial\nsigner_cert={tmp_path}/cert.pem\n"
        f"signer_key={tmp_path}/key.pem\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256\n"
        "ess_cert_id_alg=sha256\n"
    )
    command = [openssl, "ts", "-reply", "-config", "config", "-queryfile", "question", "-out", "answer"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    stamped = token_of((tmp_path / "answer").read_bytes(), DIGEST, nonce=NONCE)
    assert check_token(stamped, DIGEST).signer == credential.cert
