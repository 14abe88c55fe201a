"""Whatever administrators do, and whatever the time: exactly the secrets that should open something do."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.gateway.access import AccessStore, NewKey
from agents.gateway.access.errors import BadKey
from tests.support.access import NOW, add_key, make_cheap

NAMES = ("a", "b", "c")
SPANS = st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(minutes=40), timedelta(days=2)])


@dataclass
class Issued:
    """One generation of a key's secrets, and until when it should open anything; None: for ever."""

    new: NewKey
    until: datetime | None
    session: str = ""
    session_until: datetime = field(default=NOW)

    def opens(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    def end(self, at: datetime) -> None:
        self.until = at if self.until is None else min(self.until, at)


class Keys(RuleBasedStateMachine):
    """Two stores on one folder: administrators change one, requests ask the other."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        patch = pytest.MonkeyPatch()
        make_cheap(patch)
        self.closing.callback(patch.undo)
        folder = Path(self.closing.enter_context(tempfile.TemporaryDirectory()))
        self.office = self.closing.enter_context(AccessStore.open(folder))
        self.gateway = self.closing.enter_context(AccessStore.open(folder))
        self.now = NOW
        self.issued: list[Issued] = []
        self.held: dict[str, str] = {}

    def teardown(self) -> None:
        self.closing.close()

    @rule(span=SPANS)
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @rule(name=st.sampled_from(NAMES), lives=st.one_of(st.none(), SPANS.filter(bool)))
    def add(self, name: str, lives: timedelta | None) -> None:
        ends = self.now + lives if lives else None
        if name in self.held:
            with pytest.raises(BadKey):
                add_key(self.office, name.upper(), now=self.now)
            return
        new = add_key(self.office, name, username=name, expires_at=ends, now=self.now)
        self.held[name] = new.key_id
        self.issued.append(Issued(new, ends))

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 2), overlap=SPANS)
    def rotate(self, number: int, overlap: timedelta) -> None:
        name = sorted(self.held)[number % len(self.held)]
        own = [each for each in self.issued if each.new.key_id == self.held[name]]
        records = self.office.keys()
        record = {each.key_id: each for each in records}[self.held[name]]
        new = self.office.rotate(self.held[name], overlap=overlap, now=self.now)
        if record.expires_at is not None and record.expires_at <= self.now:
            assert new is None
            return
        assert new is not None
        for each in own[:-1]:
            each.end(self.now)
        own[-1].end(self.now + overlap)
        self.issued.append(Issued(new, record.expires_at))

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 2))
    def revoke(self, number: int) -> None:
        name = sorted(self.held)[number % len(self.held)]
        key_id = self.held.pop(name)
        assert self.office.revoke(key_id, now=self.now)
        assert not self.office.revoke(key_id, now=self.now)
        for each in self.issued:
            if each.new.key_id == key_id:
                each.end(self.now)

    @precondition(lambda self: self.issued)
    @rule(number=st.integers(0, 9))
    def log_in(self, number: int) -> None:
        each = self.issued[number % len(self.issued)]
        login = self.gateway.login(each.new.system_id, each.new.password, now=self.now, peer=str(self.now))
        if login is not None:
            assert each.opens(self.now)
            each.session = self.gateway.open_session(login, now=self.now)
            each.session_until = self.now + timedelta(minutes=30)

    @invariant()
    def exactly_what_should_open_opens(self) -> None:
        for each in self.issued:
            new, good = each.new, each.opens(self.now)
            assert bool(self.gateway.by_token(new.token, now=self.now)) is good
            assert bool(self.gateway.by_system(new.system_id, new.secret, now=self.now)) is good
            held = self.gateway.hmac_secrets(new.system_id, now=self.now)
            assert (held is not None and new.secret.encode() in held[1]) is good
            if each.session:
                shown = self.gateway.session(each.session, now=self.now)
                assert bool(shown) is (good and self.now < each.session_until)


Keys.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestKeys = Keys.TestCase
