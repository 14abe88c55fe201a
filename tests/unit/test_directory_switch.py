"""A list of the hub is taken over whole, or not at all; what was known before keeps its number."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from agents.gateway.directory import Directory, DirectoryUnavailable, ListBroken, Switched
from agents.gateway.directory.switching import take
from edxml_schemas.organ_list import GoneOrgan, ListedOrgan
from tests.support.organ_lists import (
    CENTRE,
    HEALTH,
    MINISTRY,
    NOW,
    PROVINCE,
    SMALL,
    STATION,
    digest_of,
    filled,
    refill,
    write_list,
)

LATER = NOW + timedelta(days=1)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with filled(tmp_path / "spool") as opened:
        yield opened


def codes(directory: Directory, *, deleted: bool = False) -> list[str]:
    return [each.code for each in directory.stream(deleted=deleted)]


def test_an_organ_is_there_with_all_that_the_hub_tells(directory: Directory) -> None:
    province, health = directory.get("H41"), directory.get("H41.08")
    assert province is not None
    assert health is not None
    assert (health.name, health.email, health.phone, health.address) == (
        HEALTH.name,
        HEALTH.email,
        HEALTH.phone,
        HEALTH.address,
    )
    assert (health.old_code, health.parent, health.parent_number) == ("000.00.08.H41", "H41", province.number)
    assert (health.level, health.connected, health.version, health.deleted) == (2, True, 2, False)
    assert health.changed_at == NOW
    assert (province.parent, province.parent_number) == ("", None)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("H41.08", HEALTH),
        ("h41.08", HEALTH),
        (" H41.08 ", HEALTH),
        ("000.00.08.H41", HEALTH),
        ("000.00.00.H41", PROVINCE),
        ("G17", MINISTRY),
        ("000.00.00.g17", MINISTRY),
        ("VXP.saas.03", CENTRE),
        ("H41.0", None),
        ("08.H41", None),
        ("", None),
    ],
)
def test_an_organ_is_got_by_its_present_or_former_code_in_either_form(
    directory: Directory, code: str, found: ListedOrgan | None
) -> None:
    organ = directory.get(code)
    assert (organ.code if organ else None) == (found.code if found else None)


def test_what_differs_in_letter_case_alone_is_told_apart_by_the_exact_code(tmp_path: Path) -> None:
    both = [ListedOrgan(code="dv.a", name="Nhỏ"), ListedOrgan(code="DV.A", name="Lớn")]
    with filled(tmp_path, both) as directory:
        named = [directory.get(each.code) for each in both]
        assert [each.name for each in named if each] == ["Nhỏ", "Lớn"]


def test_the_whole_list_again_changes_nothing(directory: Directory) -> None:
    assert refill(directory, SMALL, version=12, now=LATER) == Switched()
    assert directory.copied() == (12, digest_of(SMALL))
    assert directory.state().synchronised_at == LATER
    organ = directory.get("H41")
    assert organ is not None
    assert organ.changed_at == NOW


def test_an_organ_that_is_not_listed_any_more_is_kept_as_deleted(directory: Directory) -> None:
    before = {each.code: each.number for each in directory.stream()}
    assert refill(directory, [PROVINCE, HEALTH, MINISTRY, CENTRE], version=20, now=LATER) == Switched(removed=1)
    assert directory.get(STATION.code) is None
    assert directory.search("tram").organs == ()
    assert STATION.code not in codes(directory)
    gone = directory.get(STATION.code, deleted=True)
    assert gone is not None
    assert (gone.deleted, gone.version, gone.changed_at, gone.name) == (True, 20, LATER, STATION.name)
    assert {each.code: each.number for each in directory.stream(deleted=True)} == before


def test_an_organ_that_comes_back_has_its_number_again(directory: Directory) -> None:
    before = directory.get(STATION.code)
    refill(directory, [PROVINCE], version=20)
    refill(directory, SMALL, version=21)
    after = directory.get(STATION.code)
    assert before is not None
    assert after is not None
    assert (after.number, after.deleted, after.parent_number) == (before.number, False, before.parent_number)


def test_numbers_are_the_same_in_another_directory_whatever_the_order(directory: Directory, tmp_path: Path) -> None:
    with filled(tmp_path / "other", SMALL[::-1]) as other:
        assert list(other.stream()) == list(directory.stream())


def test_differences_are_applied_to_the_copy(directory: Directory, tmp_path: Path) -> None:
    renamed = replace(HEALTH, name="Sở Y tế tỉnh", version=11)
    new = ListedOrgan(code="H41.09", name="Sở Công Thương", parent="H41", version=12)
    now_listed = [PROVINCE, renamed, MINISTRY, CENTRE, new]
    changes: list[ListedOrgan | GoneOrgan] = [
        renamed,
        new,
        GoneOrgan(code=STATION.code, version=12),
        GoneOrgan(code="H99", version=11),
    ]
    path = write_list(tmp_path / "list", now_listed, version=12, since=10, changes=changes)

    assert directory.switch(path, now=LATER) == Switched(put=2, removed=1)

    assert codes(directory) == sorted(each.code for each in now_listed)
    assert [each.code for each in directory.search("so y te tinh").organs] == [HEALTH.code]
    gone = directory.get(STATION.code, deleted=True)
    assert gone is not None
    assert (gone.deleted, gone.version) == (True, 12)
    assert directory.copied() == (12, digest_of(now_listed))


def test_differences_without_any_line_confirm_the_copy(directory: Directory, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list", SMALL, version=30, since=10, changes=[])
    assert directory.switch(path, now=LATER) == Switched()
    assert directory.copied()[0] == 30


def broken(folder: Path) -> dict[str, Path]:
    """Files that are not the hub's list, by what is wrong with them."""
    made = {name: folder / name for name in ("cut", "torn", "empty", "page", "long", "strange", "nameless")}
    whole = write_list(folder / "whole", SMALL[:2]).read_bytes()
    lines = whole.splitlines(keepends=True)
    made["cut"].write_bytes(b"".join(lines[:-1]))
    made["torn"].write_bytes(whole[:-10])
    made["empty"].write_bytes(b"")
    made["page"].write_bytes(b"<html>504</html>\n")
    made["long"].write_bytes(lines[0] + b" " * 20_000 + lines[1])
    made["strange"].write_bytes(lines[0] + lines[1] + b"[]\n")
    made["nameless"].write_bytes(lines[0] + lines[1] + b'{"code":"","version":1}\n')
    return made | {
        "more": write_list(folder / "more", SMALL[:2], count=1),
        "fewer": write_list(folder / "fewer", SMALL[:2], count=3),
        "digest": write_list(folder / "digest", SMALL[:2], digest="0" * 64),
        "twice": write_list(folder / "twice", SMALL[:2], changes=[SMALL[0], SMALL[0]]),
        "many": write_list(folder / "many", SMALL[:2], count=3_000_000),
        "other-copy": write_list(folder / "other-copy", SMALL, version=99, since=50, changes=[]),
        "wrong-difference": write_list(folder / "wrong-difference", SMALL[:2], version=99, since=10, changes=[]),
    }


@pytest.mark.parametrize(
    "what",
    [
        *("cut", "torn", "empty", "page", "long", "strange", "nameless", "more", "fewer", "digest", "twice"),
        *("many", "other-copy", "wrong-difference"),
    ],
)
def test_what_is_not_the_whole_list_leaves_everything_as_it_was(
    directory: Directory, tmp_path: Path, what: str
) -> None:
    before = (directory.copied(), directory.state(), list(directory.stream(deleted=True)))
    with pytest.raises(ListBroken):
        directory.switch(broken(tmp_path)[what], now=LATER)
    assert (directory.copied(), directory.state(), list(directory.stream(deleted=True))) == before
    assert [each.code for each in directory.search("so y te").organs] == [HEALTH.code]
    assert refill(directory, SMALL[:1], version=11).removed == 4


def test_a_stream_that_is_under_way_goes_on_with_the_list_it_began_with(directory: Directory) -> None:
    stream = directory.stream()
    first = next(stream)
    refill(directory, [CENTRE], version=11)
    assert [first.code, *(each.code for each in stream)] == sorted(each.code for each in SMALL)
    assert codes(directory) == [CENTRE.code]


def test_who_reads_while_a_list_is_taken_over_sees_one_of_the_two_and_nothing_between(directory: Directory) -> None:
    lists = [tuple(ListedOrgan(code=f"{side}{n:03d}", name=f"Xã {n}") for n in range(300)) for side in "AB"]
    refill(directory, lists[0], version=11)
    seen: set[tuple[str, int, int]] = set()
    done: list[bool] = []

    def read() -> None:
        while not done:
            found = [each.code[0] for each in directory.search("xa", limit=1000).organs]
            streamed = [each.code[0] for each in directory.stream()]
            seen.update({(",".join(sorted(set(each))), len(each), 0) for each in (found, streamed)})

    readers = [Thread(target=read) for _ in range(2)]
    for each in readers:
        each.start()
    for turn in range(6):
        refill(directory, lists[turn % 2], version=12 + turn)
    done.append(True)
    for each in readers:
        each.join()
    assert seen <= {("A", 300, 0), ("B", 300, 0)}
    assert seen


def test_the_stream_is_narrowed_by_level_parent_and_version(directory: Directory) -> None:
    refill(directory, [each for each in SMALL if each is not STATION], version=20)
    assert [each.code for each in directory.stream(level=1)] == [MINISTRY.code, PROVINCE.code]
    assert [each.code for each in directory.stream(parent="000.00.00.H41")] == [HEALTH.code, CENTRE.code]
    assert [each.code for each in directory.stream(since=10, deleted=True)] == [STATION.code]
    assert [each.code for each in directory.stream(since=3)] == [MINISTRY.code, CENTRE.code]
    assert [each.code for each in directory.stream(parent="nobody")] == []


def test_an_empty_directory_answers_that_it_never_had_a_list(tmp_path: Path) -> None:
    with Directory.open(tmp_path) as directory:
        assert directory.copied() == (0, "")
        assert directory.state().synchronised_at is None
        assert directory.search("so").organs == ()
        assert list(directory.stream()) == []


def test_the_directory_is_there_again_after_a_restart(directory: Directory) -> None:
    before = list(directory.stream(deleted=True))
    directory.close()
    with Directory.open(directory.folder) as again:
        assert list(again.stream(deleted=True)) == before


def test_others_on_the_machine_cannot_read_it(directory: Directory) -> None:
    files = [each for each in directory.folder.iterdir() if each.name.startswith("directory.db")]
    assert files
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_a_directory_of_a_later_version_is_refused(directory: Directory) -> None:
    with directory._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    with pytest.raises(DirectoryUnavailable):
        Directory.open(directory.folder)


def test_a_file_that_is_no_directory_is_told_of_without_its_contents(tmp_path: Path) -> None:
    (tmp_path / "directory.db").write_bytes(b"mat danh" * 1000)
    with pytest.raises(DirectoryUnavailable) as raised:
        Directory.open(tmp_path)
    assert "mat danh" not in str(raised.value)


def test_a_list_that_is_not_there_is_told_of(directory: Directory) -> None:
    with pytest.raises(DirectoryUnavailable):
        directory.switch(directory.folder / "nowhere", now=NOW)


def test_a_list_that_another_process_overtook_is_put_aside(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_list(tmp_path / "list", SMALL[1:], version=30)

    def overtaken(*arguments: Any, **named: Any) -> None:
        monkeypatch.undo()
        take(*arguments, **named)
        with Directory.open(directory.folder) as other:
            refill(other, SMALL[:1], version=31)

    monkeypatch.setattr("agents.gateway.directory.directory.take", overtaken)
    with pytest.raises(ListBroken):
        directory.switch(path, now=LATER)
    assert codes(directory) == [PROVINCE.code]
