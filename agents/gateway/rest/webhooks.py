"""`/webhooks`: who wants to be called, where, and for what."""

from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path
from starlette.responses import Response

from agents.gateway.callers import Right
from agents.gateway.rest.around_shapes import NewWebhookShape, WebhookRequest, WebhookShape, WebhooksShape
from agents.gateway.rest.doors import Door
from agents.gateway.rest.memory import Webhook
from agents.gateway.rest.openapi import OF_BODY, problems
from agents.gateway.rest.problems import Problem, ProblemCode, Said
from agents.gateway.rest.rights import requires
from agents.gateway.rest.room import Room, Who
from agents.gateway.rest.targets import Barred, url_of
from agents.spool.news import latest


def webhook_routes() -> APIRouter:
    router = APIRouter(route_class=Door, tags=["sự kiện / events"])
    router.add_api_route(
        "/webhooks",
        subscribe,
        methods=["POST"],
        status_code=201,
        response_model=NewWebhookShape,
        summary="Đăng ký được gọi khi có gì mới / ask to be called when something is new",
        responses=problems(*OF_BODY, ProblemCode.FORBIDDEN, ProblemCode.WEBHOOK_TARGET, ProblemCode.TOO_MANY_WEBHOOKS),
    )
    router.add_api_route(
        "/webhooks",
        subscriptions,
        methods=["GET"],
        response_model=WebhooksShape,
        summary="Webhook của khóa này / this key's webhooks",
        responses=problems(ProblemCode.FORBIDDEN),
    )
    router.add_api_route(
        "/webhooks/{webhook_id}",
        unsubscribe,
        methods=["DELETE"],
        status_code=204,
        response_class=Response,
        response_model=None,
        summary="Thôi gọi / no more calls",
        responses=problems(ProblemCode.NOT_FOUND, ProblemCode.INVALID),
    )
    return router


def subscribe(room: Room, who: Who, asked: WebhookRequest) -> NewWebhookShape:
    """Chữ ký theo Standard Webhooks (HMAC-SHA256): webhook-id, webhook-timestamp, webhook-signature.

    Gọi ít nhất một lần, có thể lặp; chỉ báo từ lúc đăng ký / at least once; from now on. Trả 2xx là đã nhận, 410 là
    thôi hẳn / 2xx takes it, 410 ends it.
    """
    requires(who, Right.READ)
    gateway = room.gateway
    target = url_of(asked.url, trusted=gateway.settings.rest.webhook_hosts)
    if isinstance(target, Barred):
        raise Problem(ProblemCode.WEBHOOK_TARGET, Said(vi=target.vi, en=target.en))
    shown, sealed = room.secrets.new()
    now: datetime = gateway.clock.now()
    webhook = Webhook(
        webhook_id=str(uuid4()),
        key_id=who.key_id,
        url=str(target),
        kinds=tuple(dict.fromkeys(asked.kinds)),
        secret=sealed,
        created_at=now,
        place=latest(gateway.desk.spool),
        next_attempt_at=now,
    )
    if not room.memory.add_webhook(webhook, most=gateway.settings.rest.webhooks_per_key):
        raise Problem(ProblemCode.TOO_MANY_WEBHOOKS)
    return NewWebhookShape(**_shape(webhook).model_dump(), secret=shown)


def subscriptions(room: Room, who: Who) -> WebhooksShape:
    """Với lỗi lần gọi gần nhất, nếu có / with what went wrong the last time, if anything did."""
    requires(who, Right.READ)
    return WebhooksShape(webhooks=[_shape(each) for each in room.memory.webhooks_of(who.key_id)])


def unsubscribe(room: Room, who: Who, webhook_id: Annotated[str, Path(min_length=1, max_length=100)]) -> Response:
    """Chỉ webhook của khóa này / of this key alone."""
    if not room.memory.remove_webhook(who.key_id, webhook_id):
        raise Problem(ProblemCode.NOT_FOUND)
    return Response(status_code=204)


def _shape(webhook: Webhook) -> WebhookShape:
    return WebhookShape(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        kinds=list(webhook.kinds),
        created_at=webhook.created_at,
        delivered_at=webhook.delivered_at,
        attempts=webhook.attempts,
        problem=webhook.problem,
        next_attempt_at=webhook.next_attempt_at if webhook.attempts else None,
    )
