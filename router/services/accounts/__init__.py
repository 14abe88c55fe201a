"""Who may sign in to the console: accounts, passwords, sessions, and how far each person sees."""

from dataclasses import dataclass

from router.ports import Clock, Store
from router.ports.people import People
from router.services.accounts.keeping import Keeping
from router.services.accounts.passwords import HashCost, Passwords
from router.services.accounts.scopes import Scopes, scope_of
from router.services.accounts.sessions import Rules, Sessions

__all__ = ["Accounts", "HashCost", "Rules", "accounts_of", "scope_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Everything about people: their accounts, their sessions, and their scopes."""

    keeping: Keeping
    sessions: Sessions
    scopes: Scopes


def accounts_of(people: People, store: Store, *, clock: Clock, cost: HashCost, rules: Rules) -> Accounts:
    """The services around their memory."""
    passwords = Passwords(cost)
    return Accounts(
        keeping=Keeping(people, store, passwords=passwords, clock=clock),
        sessions=Sessions(people, store, passwords=passwords, clock=clock, rules=rules),
        scopes=Scopes(),
    )
