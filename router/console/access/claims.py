"""What a provider's claims about somebody mean here: name, role and subtree, by the mapping in `[oidc]`. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from router.core.people import Role
from router.services.accounts.sessions import Identity
from router.settings.console import OidcSettings

MOST_VALUES: Final = 1000


def identity_of(claims: Mapping[str, Any], settings: OidcSettings, organ_codes: Mapping[str, str]) -> Identity:
    """Somebody as the rest of the hub knows them. `organ_codes` are organs' codes, present and former, to the present.

    Without a role of ours `role` is None; without an organ of ours, where one is asked for, `root` is None.
    """
    return Identity(
        subject=f"{settings.issuer} {claims['sub']}",
        name=_text(_found(claims, settings.name_claim)),
        display=_text(_found(claims, settings.display_claim)),
        role=_role(_found(claims, settings.role_claim), settings.roles),
        root=_root(claims, settings, organ_codes),
    )


def _role(given: Any, roles: Mapping[str, Role]) -> Role | None:
    held = set(_texts(given))
    return next((role for name, role in roles.items() if name in held), None)


def _root(claims: Mapping[str, Any], settings: OidcSettings, organ_codes: Mapping[str, str]) -> str | None:
    if not settings.root_claim:
        return settings.root
    values = _texts(_found(claims, settings.root_claim))
    if not values:
        return None
    if values[0] in settings.roots:
        return settings.roots[values[0]]
    return organ_codes.get(values[0])


def _found(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a path of names with dots."""
    if path in claims:
        return claims[path]
    inner: Any = claims
    for name in path.split("."):
        if not isinstance(inner, Mapping) or name not in inner:
            return None
        inner = inner[name]
    return inner


def _text(given: Any) -> str:
    return given.strip() if isinstance(given, str) else ""


def _texts(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given.strip()] if given.strip() else []
    if isinstance(given, list):
        return [each.strip() for each in given[:MOST_VALUES] if isinstance(each, str) and each.strip()]
    return []
