"""`truc backup` and `truc restore`: the whole hub in one file, and back."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from router.commands.opening import ConfigPath, say
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.adapters.sql.dump import TableShape
    from router.services.backing_up.archive import Archive
    from router.services.backing_up.backup import Places
    from router.settings import Settings

SHOWN: Final = 20  # missing payloads by name
DATABASE_LINE: Final = re.compile(r"^[ \t]*database_url[ \t]*=.*$", re.MULTILINE)


def backup(
    file: Annotated[Path, typer.Argument(help="Tệp sao lưu sẽ tạo. / The backup to write.", metavar="FILE")],
    with_keys: Annotated[
        bool,
        typer.Option("--with-keys", help="Kèm khóa riêng của trục. / With the hub's private key."),
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Sao lưu cả trục vào một tệp, trong khi trục đang chạy. / The whole hub into one file, while it runs.

    Cơ sở dữ liệu tại một thời điểm, phong bì mà hồ sơ nhắc đến, cấu hình, chứng thư. Tệp chứa văn bản và mật khẩu: giữ
    như giữ chính trục. Mã thoát 1 khi có phong bì bị thiếu.

    The database at one moment, the payloads that its records speak of, configuration, trust. The file holds letters and
    passwords: keep it as you keep the hub. Exit code 1 when payloads are missing.
    """
    from router.adapters.payload_parts import parts_of
    from router.adapters.sql.dump import SHAPES, snapshot
    from router.services.backing_up.backup import back_up
    from router.settings import config_path, load_settings

    settings = load_settings(config)
    with snapshot(settings.database) as seen:
        taken = back_up(
            file,
            facts={
                "hub": settings.hub,
                "taken_at": datetime.now(UTC).isoformat(),
                "revision": seen.revision,
                "last_numbers": dict(seen.last_numbers()),
            },
            tables=[(shape, seen.lines(shape)) for shape in SHAPES],
            payloads=parts_of(settings.payload_path, seen.payloads()),
            places=_places(settings, config=config_path(config)),
            with_keys=with_keys,
        )
    say(
        f"Đã sao lưu {taken.rows['messages']} thông điệp, {taken.parts} tệp phong bì vào {file}.",
        f"SHA-256 của bản kê (ghi lại ở nơi khác để đối chiếu): {taken.digest}",
        f"Backed up {taken.rows['messages']} messages, {taken.parts} payload files.",
    )
    if not with_keys:
        say(
            "Không kèm khóa riêng của trục; giữ riêng, hoặc thêm --with-keys.",
            "Without the hub's private key: keep that apart, or add --with-keys.",
        )
    if taken.missing:
        say(
            f"THIẾU {len(taken.missing)} tệp phong bì mà hồ sơ nhắc đến: / payloads are missing:",
            *taken.missing[:SHOWN],
        )
        raise typer.Exit(ExitCode.NEGATIVE)


def restore(
    file: Annotated[Path, typer.Argument(help="Tệp sao lưu. / The backup.", metavar="FILE")],
    into: Annotated[Path, typer.Option("--into", help="Thư mục mới hoặc trống. / A new or empty folder.")],
    database_url: Annotated[
        str | None,
        typer.Option(help="Cơ sở dữ liệu khác (trống: SQLite trong data_dir). / Another database (empty: SQLite)."),
    ] = None,
) -> None:
    """Dựng lại trục từ bản sao lưu, không bao giờ ghi đè. / A hub from a backup; never over anything.

    Kiểm tra mọi phần trước khi ghi. Việc gửi dở dang sẽ được gửi tiếp khi chạy truc run.

    Every part is checked before anything is written. What was being published is published when truc run starts.
    """
    from router.adapters.payload_parts import place_of
    from router.adapters.sql.dump import load
    from router.services.backing_up.archive import Archive, BadArchive
    from router.services.backing_up.backup import CONFIG, SECRET_MODE, put_file, put_files

    with Archive(file) as archive:
        archive.verify()
        text = _configuration(archive, database_url)
        settings = _settings_in(into, text)
        places = _places(settings, config=into / CONFIG)
        _refuse_what_is_there(settings, into)
        try:
            put_files(archive, places=places, payload_place=lambda name: place_of(settings.payload_path, name))
            settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o750)
            load(
                settings.database,
                revision=str(archive.manifest["revision"]),
                tables=_tables(archive),
                last_numbers={str(name): int(number) for name, number in archive.manifest["last_numbers"].items()},
                now=datetime.now(UTC),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise BadArchive(
                f"Bản sao lưu {file} không hợp với phiên bản này: {problem}",
                f"The backup {file} does not fit this version: {problem}",
            ) from problem
        if text is not None:  # last of all: without it no hub starts on half a restore
            put_file(into / CONFIG, [text.encode()], mode=SECRET_MODE)
        rows = {each["name"]: each["rows"] for each in archive.manifest["tables"]}
    key = settings.folder / settings.hub_key.key
    say(
        f"Đã dựng lại {rows.get('messages', 0)} thông điệp vào {into}.",
        f"Restored {rows.get('messages', 0)} messages into {into}.",
        *([] if key.exists() else [f"Đặt khóa riêng của trục vào {key}. / Put the hub's private key there."]),
        f"Tiếp theo / next: truc doctor -c {into / CONFIG}, truc run -c {into / CONFIG}",
    )


def _places(settings: "Settings", *, config: Path) -> "Places":
    from router.services.backing_up.backup import CONFIG, KEY, Places

    folder, trust, hub = settings.folder, settings.trust, settings.hub_key
    certificate = folder / hub.certificate
    return Places(
        files={
            CONFIG: config,
            "hub/certificate.pem": certificate,
            KEY: folder / hub.key,
            "data/log-checkpoint.json": settings.data_path / "log-checkpoint.json",
        },
        folders={
            "trust/anchors": folder / trust.anchors,
            "trust/intermediates": folder / trust.intermediates,
            "trust/crls": folder / trust.crls,
            "data/crls": settings.data_path / "crls",
            "hub/former": certificate.parent / "former",
        },
    )


def _configuration(archive: "Archive", database_url: str | None) -> str | None:
    """The configuration's text; with another database, if one is given."""
    name = "files/truc.toml"
    text = b"".join(archive.chunks(name)).decode() if name in archive.names else None
    if database_url is None:
        return text
    line = f"database_url = {orjson.dumps(database_url).decode()}"
    if text is None or not DATABASE_LINE.search(text):
        return f"{line}\n{text or ''}"
    return DATABASE_LINE.sub(lambda _: line, text, count=1)


def _settings_in(folder: Path, text: str | None) -> "Settings":
    """The settings as they will count in that folder; nothing is written there."""
    from router.settings import load_settings

    with tempfile.TemporaryDirectory() as elsewhere:
        config = Path(elsewhere) / "truc.toml"
        config.touch(0o600)
        config.write_text(text or "", encoding="utf-8")
        return load_settings(config).model_copy(update={"folder": folder.absolute()})


def _refuse_what_is_there(settings: "Settings", into: Path) -> None:
    """Raises UsageProblem unless folder, database and payloads are new or empty."""
    from router.adapters.sql.dump import is_empty
    from router.settings import SQLITE

    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageProblem(f"{into} không trống", f"{into} is not empty", remedy_vi="chọn thư mục khác")
    payloads = settings.payload_path
    if payloads.exists() and any(payloads.iterdir()):
        raise UsageProblem(
            f"Cấu hình trỏ đến kho phong bì đã có: {payloads}",
            f"The configuration points to payloads that are there already: {payloads}",
            remedy_vi="đặt TRUC_DATA_DIR đến nơi trống",
            remedy_en="set TRUC_DATA_DIR to an empty place",
        )
    url = settings.database
    new_file = url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists()  # looking would create it
    if not new_file and not is_empty(url):
        raise UsageProblem(
            "Cấu hình trỏ đến cơ sở dữ liệu đã có dữ liệu",
            "The configuration points to a database that has tables already",
            remedy_vi="dùng --database-url với một cơ sở dữ liệu trống",
            remedy_en="use --database-url with an empty database",
        )


def _tables(archive: "Archive") -> Iterator[tuple["TableShape", Iterable[bytes]]]:
    from router.adapters.sql.dump import TableShape

    for each in archive.manifest["tables"]:
        shape = TableShape(
            name=str(each["name"]), columns=tuple(map(str, each["columns"])), binary=frozenset(each["binary"])
        )
        yield shape, archive.lines(f"tables/{shape.name}.jsonl")
