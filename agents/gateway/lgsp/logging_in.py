"""`POST /v1/auth/login`: user name and password of the installation against a token of 30 minutes."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from agents.gateway.lgsp.answers import Number, Operation, json_answer, logged_in, refused, wrong_login
from agents.gateway.lgsp.doors import small_json
from agents.gateway.rooms import Gateway

CREDENTIAL_CHARS: Final = 512
"""Neither user names nor passwords are longer."""

WRONG: Final = (
    "Sai tên đăng nhập hoặc mật khẩu. Đề nghị kiểm tra cấu hình; sau nhiều lần sai liên tiếp, đăng nhập bị khóa năm "
    "phút. Quên mật khẩu: đề nghị người quản trị tác nhân cấp lại (truc-agent keys rotate)."
)
MISSING: Final = "Thiếu username hoặc password. Đề nghị gửi JSON {username, password}, cả hai là chuỗi."


class LoginDesk:
    """Other members of the request (`applicationCode`, `otp`, `allow_anonymous`, …) mean nothing here."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def login(self, request: Request) -> Response:
        """Raises AccessUnavailable, and LoginsBusy when too many log in at once."""
        body = await small_json(request, Operation.LOGIN)
        if isinstance(body, Response):
            return body
        username, password = body.get("username"), body.get("password")
        if not isinstance(username, str) or not isinstance(password, str) or not username or not password:
            return refused(Operation.LOGIN, MISSING, number=Number.BAD_FILE)
        if max(len(username), len(password)) > CREDENTIAL_CHARS:
            return wrong_login(WRONG)
        peer = request.client.host if request.client else ""
        answer = await asyncio.to_thread(self._enter, username, password, peer)
        return wrong_login(WRONG) if answer is None else json_answer(answer, headers={"Cache-Control": "no-store"})

    def _enter(self, username: str, password: str, peer: str) -> dict[str, object] | None:
        now = self._gateway.clock.now()
        login = self._gateway.access.login(username, password, now=now, peer=peer)
        if login is None:
            self._gateway.log.warning("login.refused", peer=peer)
            return None
        token = self._gateway.access.open_session(login, now=now)
        self._gateway.log.info("login", key=login.caller.key_id, peer=peer)
        return logged_in(token=token, key_id=login.caller.key_id, username=login.username, name=login.name)
