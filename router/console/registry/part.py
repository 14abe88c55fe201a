"""The part of the console about the registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from router.console.registry.application_pages import APPLICATIONS, ApplicationPages
from router.console.registry.certificate_actions import FORM_BYTES, CertificateActions
from router.console.registry.imports import IMPORT, Imports
from router.console.registry.organ_actions import OrganActions
from router.console.registry.pages import RegistryPages
from router.console.registry.words import REGISTRY, TITLE
from router.console.shell.page import action_route, page_route
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.core.people import Person, Right, Scope
from router.core.work_lists import Count

TEMPLATES: Final = Path(__file__).with_name("templates")


def part(rooms: Rooms) -> Part:
    pages, organs, imports, papers = RegistryPages(rooms), OrganActions(rooms), Imports(rooms), ApplicationPages(rooms)
    certificates = CertificateActions(rooms)

    def counts(person: Person, scope: Scope) -> Mapping[str, int | Count]:
        return {REGISTRY: papers.number(scope) if person.may(Right.REGISTER) else 0}

    upload = rooms.settings.console.upload_bytes
    return Part(
        name="registry",
        routes=[
            *page_route(IMPORT, imports.page, right=Right.REGISTER),
            action_route(IMPORT, imports.act, right=Right.REGISTER, form_bytes=upload),
            *page_route(f"{REGISTRY}/merge", pages.merge, right=Right.REGISTER),
            action_route(f"{REGISTRY}/merge", organs.merge, right=Right.REGISTER),
            action_route(f"{REGISTRY}/lock", organs.lock, right=Right.REGISTER),
            action_route(f"{REGISTRY}/unlock", organs.unlock, right=Right.REGISTER),
            action_route(
                f"{REGISTRY}/certificates/bind", certificates.bind, right=Right.REGISTER, form_bytes=FORM_BYTES
            ),
            action_route(
                f"{REGISTRY}/certificates/unbind", certificates.unbind, right=Right.REGISTER, form_bytes=FORM_BYTES
            ),
            *page_route(APPLICATIONS, papers.listed, right=Right.REGISTER),
            action_route(f"{APPLICATIONS}/approve", papers.approve, right=Right.REGISTER),
            action_route(f"{APPLICATIONS}/reject", papers.reject, right=Right.REGISTER),
            *page_route(f"{REGISTRY}/agents", pages.agents, right=Right.SEE),
            *page_route(f"{REGISTRY}/certificates", pages.certificates, right=Right.SEE),
            *page_route(f"{REGISTRY}/keys", pages.keys, right=Right.KEYS),
            *page_route(f"{REGISTRY}/organs/{{code:path}}", pages.organ, right=Right.SEE),
            *page_route(REGISTRY, pages.tree, right=Right.SEE),
        ],
        navigation=(NavEntry(path=REGISTRY, words=TITLE, right=Right.SEE, place=40),),
        templates=TEMPLATES,
        counts=counts,
    )
