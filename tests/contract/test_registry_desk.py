"""Every store changes the registry as somebody saw it, or not at all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from router.adapters.memory_registry_desk import MemoryRegistryDesk
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.registry_desk import SqlRegistryDesk
from router.adapters.sql.store import SqlStore
from router.core.records import Event
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord
from router.core.registry_change import RegistryChange
from router.ports import Store
from router.ports.registry_desk import RegistryDesk
from tests.support.records import NOON

EVENT = Event(name="registry.changed", at=NOON, actor="user:lan", facts={"what": "import"})
BOUND = CertificateRecord(organ="H41", fingerprint="aa", subject="CN=a", pem="PEM")


@pytest.fixture
def desk(store: Store) -> RegistryDesk:
    if isinstance(store, MemoryStore):
        return MemoryRegistryDesk(store)
    assert isinstance(store, SqlStore)
    return SqlRegistryDesk(store.engine)


def test_a_change_is_written_with_its_event(store: Store, desk: RegistryDesk) -> None:
    organ = OrganRecord(code="H41", name="Nghệ An", agent="nghean")
    change = RegistryChange(organs=(organ,), agents=(AgentRecord(name="nghean"),), certificates=(BOUND,))
    assert desk.change(change, event=EVENT, seen=store.registry().version)
    registry = store.registry()
    assert registry.organs["H41"] == organ
    assert set(registry.agents) == {"nghean"}
    assert desk.certificates() == store.certificates_of("H41") == (BOUND,)
    assert store.events_of("") == (EVENT,)

    assert desk.change(RegistryChange(unbound=(("H41", ("aa",)),)), event=EVENT, seen=registry.version)
    assert desk.certificates() == ()


def test_nothing_is_written_when_the_registry_has_changed_meanwhile(store: Store, desk: RegistryDesk) -> None:
    seen = store.registry().version
    store.put_organs([OrganRecord(code="H14", name="Cao Bằng")])
    change = RegistryChange(organs=(OrganRecord(code="H41", name="Nghệ An"),))
    assert not desk.change(change, event=EVENT, seen=seen)
    assert set(store.registry().organs) == {"H14"}
    assert store.events_of("") == ()


def test_of_several_who_saw_the_same_one_writes(store: Store, desk: RegistryDesk) -> None:
    store.put_agents([AgentRecord(name="a")])
    seen = store.registry().version

    def write(number: int) -> bool:
        change = RegistryChange(organs=(OrganRecord(code=f"H{number}", name="x"),))
        return desk.change(change, event=EVENT, seen=seen)

    with ThreadPoolExecutor(4) as people:
        written = list(people.map(write, range(8)))
    assert written.count(True) == len(store.registry().organs) == len(store.events_of("")) == 1
