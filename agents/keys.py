"""The keys of the organs an agent signs for: read once each, when first needed."""

import stat
from pathlib import Path
from threading import Lock

from structlog.typing import FilteringBoundLogger

from agents.errors import UsageFault
from agents.settings import OrganSettings, Settings
from edxml_schemas.signatures import Signer, SignerError


class Keyring:
    """Loading an RSA key takes up to a tenth of a second, so a signer is kept after its first use."""

    def __init__(self, settings: Settings, *, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._log = log
        self._signers: dict[str, Signer] = {}
        self._lock = Lock()

    def warm(self) -> None:
        """Loads every key, so that a bad file shows at the start. Raises UsageFault."""
        for organ in self._settings.organs:
            self.signer(organ.organ_id)

    def signer(self, organ_id: str) -> Signer | None:
        """None when the agent does not speak for the organ, or has no key of it. Raises UsageFault for a bad file."""
        with self._lock:
            known = self._signers.get(organ_id)
            organ = self._settings.organ(organ_id)
            if known is not None or organ is None:
                return known
            loaded = self._load(organ)
            if loaded is not None:
                self._signers[organ_id] = loaded
            return loaded

    def _load(self, organ: OrganSettings) -> Signer | None:
        if organ.key is None or organ.cert is None:
            return None
        if _open_to_others(organ.key):
            self._log.warning(
                "key.open-to-others",
                organ=organ.organ_id,
                file=str(organ.key),
                vi="Khóa bí mật đang cho người khác đọc; đề nghị chạy chmod 600.",
                en="Others may read the private key; run chmod 600 on it.",
            )
        return load_signer(organ.key, organ.cert)


def load_signer(key: Path, cert: Path) -> Signer:
    """A signer from PEM files. Raises UsageFault."""
    try:
        return Signer.load(key.read_bytes(), cert.read_bytes())
    except OSError as error:
        raise UsageFault(
            f"Không đọc được {error.filename}: {error.strerror}", f"{error.filename} cannot be read: {error.strerror}"
        ) from error
    except SignerError as error:
        raise UsageFault(f"{key}: {error.vi}", f"{key}: {error.en}") from error


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except OSError:
        return False
