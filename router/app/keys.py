"""The hub's own certificates, read from its files; its private key is not touched."""

from router.adapters.hub_certificates import former_certificates
from router.adapters.trust_files import bounded, certificates_of
from router.errors import UsageProblem
from router.services.registration.keyring import OwnKeys
from router.settings import Settings


def own_keys(settings: Settings) -> OwnKeys:
    """Raises nothing: what cannot be read is told as the problem."""
    path = settings.folder / settings.hub_key.certificate
    try:
        former = former_certificates(settings.folder / settings.seals.former_certificates)
    except UsageProblem as problem:
        return OwnKeys(hub=None, problem=(problem.vi, problem.en))
    try:
        bounded(path.stat().st_size)
        hub = certificates_of(path.read_bytes())[0]
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
        vi, en = f"Không đọc được chứng thư của trục: {why}", f"The hub's certificate cannot be read: {why}"
        return OwnKeys(hub=None, former=former, problem=(vi, en))
    return OwnKeys(hub=hub, former=former)
