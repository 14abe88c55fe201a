"""Whose receipts an agent believes: the hub's certificate, pinned in the settings."""

from agents.errors import UsageFault
from agents.settings import Settings
from edxml_schemas.signatures import SignerError
from edxml_schemas.signed_receipts import HubTrust


def load_hub_trust(settings: Settings) -> HubTrust | None:
    """None when no certificate is pinned; then receipts are kept as they come. Raises UsageFault for a bad file."""
    path = settings.hub_certificate
    if path is None:
        return None
    try:
        return HubTrust.from_pem(path.read_bytes(), name=settings.hub_name)
    except OSError as error:
        raise UsageFault(
            f"hub_certificate: không đọc được {path}: {error.strerror}",
            f"hub_certificate: {path} cannot be read: {error.strerror}",
        ) from error
    except SignerError as error:
        raise UsageFault(f"hub_certificate {path}: {error.vi}", f"hub_certificate {path}: {error.en}") from error
