"""The ways to people, as the settings name them. Secrets are read from environment or files at each sending."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from router.adapters.notify_mail import MailChannel, MailServer
from router.adapters.notify_web import TelegramChannel, WebhookChannel
from router.ports import Clock
from router.ports.alarms import Channel
from router.settings.alarms import AlarmSettings, secret_of

MAIL: Final = "mail"


def channels_of(settings: AlarmSettings, *, folder: Path, clock: Clock) -> Sequence[Channel]:
    """Every channel that is set. The first webhook is `webhook`, the next `webhook-2`; chats likewise."""
    patience = settings.patience_seconds

    def secret(given: str) -> Callable[[], str]:
        return lambda: secret_of(given, folder=folder)

    made: list[Channel] = []
    if settings.mail_host:
        server = MailServer(
            host=settings.mail_host,
            port=settings.mail_port,
            tls=settings.mail_tls,
            ca_file=folder / settings.mail_ca_file if settings.mail_ca_file else None,
            user=settings.mail_user,
            sender=settings.mail_sender,
        )
        password = secret(settings.mail_password_from)
        made.append(MailChannel(MAIL, server, to=settings.mail_to, password=password, patience=patience, clock=clock))
    made += [
        WebhookChannel(
            _name("webhook", place), url, secret=secret(settings.webhook_secret_from), patience=patience, clock=clock
        )
        for place, url in enumerate(settings.webhook_urls)
    ]
    made += [
        TelegramChannel(
            _name("telegram", place),
            settings.telegram_url,
            chat=chat,
            token=secret(settings.telegram_token_from),
            patience=patience,
        )
        for place, chat in enumerate(settings.telegram_chats)
    ]
    return made


def _name(kind: str, place: int) -> str:
    return kind if place == 0 else f"{kind}-{place + 1}"
