"""The shop's HTTP API on PostgreSQL and Redis: shop.api, and a basket for each session.

    PORT             where to listen on 127.0.0.1
    DATABASE_URL     PostgreSQL, through the pool
    REDIS_URL        Redis
    SHORE_INSTANCE   the name put into every answer
"""

import json
import os
import sys
from http.cookies import CookieError, SimpleCookie

from shop.api import Handler, Problem, serve
from shop.store import Refused, checked_order
from shop_pro.carts import KEPT_SECONDS, Carts
from shop_pro.store import Store

COOKIE = "shop_session"
SESSION_LENGTH_MAX = 64

carts = Carts(os.environ["REDIS_URL"])


class ProHandler(Handler):
    def _answer(self, route):
        self._name, self._is_new = "", False
        super()._answer(route)

    def _session(self):
        """The client's session; a new one when it has none."""
        if not self._name:
            try:
                given = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
            except CookieError:
                given = None
            self._is_new = given is None or not 0 < len(given.value) <= SESSION_LENGTH_MAX
            self._name = Carts.new_session() if self._is_new else given.value
        return self._name

    def further_headers(self):
        if self._is_new:
            yield ("Set-Cookie",
                   f"{COOKIE}={self._name}; Path=/; HttpOnly; SameSite=Lax; Max-Age={KEPT_SECONDS}")

    def _get(self, path, query):
        if path == "/api/cart":
            return 200, {"items": carts.items(self._session())}
        status, content = super()._get(path, query)
        if path == "/api/products":
            content["carts"] = True
        return status, content

    def _post(self, path, query):
        if path != "/api/cart":
            return super()._post(path, query)
        try:
            items = json.loads(self._body()).get("items")
            if items:
                checked_order({"customer": "basket", "items": items})
            elif items != []:
                raise Refused('a basket looks like {"items": [{"product": "mug", "quantity": 1}]}')
        except (ValueError, AttributeError):
            raise Problem(400, "the body is no JSON object") from None
        except Refused as refused:
            raise Problem(422, str(refused)) from None
        carts.keep(self._session(), items)
        return 200, {"items": items}

    def _place(self, customer, items):
        order = super()._place(customer, items)
        carts.clear(self._session())
        return order


def main():
    url = os.environ["DATABASE_URL"]
    return serve(lambda: Store(url), ProHandler)


if __name__ == "__main__":
    sys.exit(main())
