"""Secrets: how they are drawn, how they are recognised, and how the one kind that must be read again is sealed.

Everything is drawn from the system's random source with 192 bits or more, so a plain SHA-256 is enough to recognise it
by; passwords get a slow hash on top (see `passwords`), because people copy them to places where others look.
"""

import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final, Self

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from agents.gateway.access.errors import WrongAccessKey
from agents.spool.bodies import sync_folder

KEY_FILE: Final = "access.key"
KEY_VARIABLE: Final = "TRUC_AGENT_ACCESS_KEY"
OWNER_ONLY: Final = 0o600
OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
MOST_CHARS: Final = 1024
"""Characters of a presented secret that are looked at. Real ones are far shorter, so nothing longer is ever right."""
_TOKEN_MARK: Final = "tlk"  # noqa: S105  what every token begins with, no token
_SESSION_MARK: Final = "tls"
_SECRET_BYTES: Final = 32
_PASSWORD_BYTES: Final = 24
_ID_BYTES: Final = 8


def new_key_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def new_token(key_id: str) -> str:
    """`tlk_<key id>_<random>`: the mark lets scanners for leaked keys find it."""
    return f"{_TOKEN_MARK}_{key_id}_{secrets.token_hex(_SECRET_BYTES)}"


def new_secret() -> str:
    return secrets.token_hex(_SECRET_BYTES)


def new_password() -> str:
    return secrets.token_hex(_PASSWORD_BYTES)


def new_session_token() -> str:
    return f"{_SESSION_MARK}_{secrets.token_hex(_SECRET_BYTES)}"


def key_id_of(token: str) -> str:
    """The key id that a token names; empty when it is none of ours."""
    mark, _, rest = token[:MOST_CHARS].partition("_")
    key_id, _, drawn = rest.partition("_")
    well_formed = mark == _TOKEN_MARK and len(key_id) == 2 * _ID_BYTES and key_id.isascii() and key_id.isalnum()
    return key_id if well_formed and drawn else ""


def digest_of(text: str) -> bytes:
    """What a presented secret is recognised by. Never raises, whatever the text holds."""
    return hashlib.sha256(text[:MOST_CHARS].encode("utf-8", "replace")).digest()


class Vault:
    """Seals and opens what must be read again. The first key seals; all of them open."""

    def __init__(self, *keys: bytes) -> None:
        """Raises ValueError for what is no Fernet key."""
        self._first = Fernet(keys[0])
        self._all = MultiFernet([Fernet(key) for key in keys])
        self.decoy = self.seal(b"0" * 2 * _SECRET_BYTES)
        """Sealed as a secret is, for the work that is done when there is none."""

    @classmethod
    def load(cls, folder: Path, *, may_make: bool) -> Self:
        """From `TRUC_AGENT_ACCESS_KEY` (keys parted by commas), or `access.key` in the folder (one key per line).

        Makes the file when there is neither and `may_make`. Raises WrongAccessKey and OSError.
        """
        given = os.environ.get(KEY_VARIABLE, "")
        path = folder / KEY_FILE
        place = KEY_VARIABLE if given else str(path)
        if not given and may_make and not path.exists():
            _write_key(path)
        try:
            text = given or _read_key(path)
            return cls(*text.replace(",", " ").encode().split())
        except FileNotFoundError:
            raise WrongAccessKey(
                f"Thiếu {place}, khóa niêm phong các khóa truy cập trong access.db. Hãy chép lại từ bản sao lưu hoặc "
                f"đặt biến {KEY_VARIABLE}; nếu mất hẳn thì xóa access.db và cấp lại mọi khóa.",
                f"{place} is missing: it seals the keys in access.db. Put it back from a backup or set {KEY_VARIABLE}; "
                "if it is lost for good, delete access.db and issue every key anew.",
            ) from None
        except (ValueError, IndexError):  # binascii.Error is a ValueError; its text says nothing to people
            raise WrongAccessKey(
                f"{place} không phải là khóa Fernet (32 byte, base64 URL).",
                f"{place} is no Fernet key (32 bytes, URL-safe base64).",
            ) from None

    def seal(self, plain: bytes) -> bytes:
        return self._first.encrypt(plain)

    def unseal(self, sealed: bytes) -> bytes:
        """Raises WrongAccessKey."""
        try:
            return self._all.decrypt(sealed)
        except InvalidToken:
            raise WrongAccessKey(
                f"Khóa niêm phong ({KEY_FILE} hoặc {KEY_VARIABLE}) không phải là khóa đã dùng cho access.db. "
                "Hãy đặt lại đúng khóa cũ; có thể để khóa mới ở dòng đầu, khóa cũ ở dòng sau.",
                f"The sealing key ({KEY_FILE} or {KEY_VARIABLE}) is not the one access.db was made with. "
                "Put the former key back; a new key may stand on the line above it.",
            ) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first key sealed it."""
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True


def keep_private(path: Path) -> None:
    """Takes the rights of others from a file, and says so when that fails. Raises OSError when it is not there."""
    if path.stat().st_mode & OF_OTHERS:
        try:
            path.chmod(OWNER_ONLY)
        except PermissionError:
            structlog.get_logger().warning(
                "access.open-to-others",
                file=str(path),
                vi="Tệp khóa truy cập đang cho người khác đọc và không đổi được quyền; đề nghị chạy chmod 600.",
                en="Others may read the file of access keys, and its rights cannot be changed; run chmod 600 on it.",
            )


def _read_key(path: Path) -> str:
    keep_private(path)
    return path.read_text(encoding="utf-8")


def _write_key(path: Path) -> None:
    """The file is there whole, or not at all: half a key would lock out everybody."""
    beside = path.with_name(f".{KEY_FILE}.{secrets.token_hex(_ID_BYTES)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
