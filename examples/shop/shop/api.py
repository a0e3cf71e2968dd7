"""The shop's HTTP API: keep-alive, a thread per connection, stops without dropping a request.

    PORT             where to listen on 127.0.0.1 (0: any free port, which is printed)
    SHOP_DATABASE    path of the SQLite file
    SHORE_INSTANCE   the name put into every answer
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shop.store import Refused, Store, checked_order

BODY_BYTES_MAX = 64 * 1024
# Longer than a gateway keeps an idle connection, so that the gateway is the one that closes it.
IDLE_SECONDS = 120
STOP_SECONDS = 10


class Problem(Exception):
    """An answer that is not the asked one: status and a sentence."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "shop"
    sys_version = ""
    timeout = IDLE_SECONDS
    # Head and body leave in one packet.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        self._answer(self._get)

    do_HEAD = do_GET

    def do_POST(self):
        self._answer(self._post)

    def _get(self, path, query):
        store = self.server.store()
        if path == "/api/healthz":
            store.check()
            return 200, {"status": "ok"}
        if path == "/api/products":
            return 200, {"products": store.products()}
        if path == "/api/orders":
            limit = query.get("limit", ["20"])[0]
            if not limit.isdecimal() or not 1 <= int(limit) <= 100:
                raise Problem(400, "limit must be 1 to 100")
            return 200, {"orders": store.orders(int(limit))}
        raise Problem(404, f"there is nothing at {path}")

    def _post(self, path, _query):
        body = self._body()
        if path != "/api/orders":
            raise Problem(404, f"nothing can be posted to {path}")
        try:
            customer, items = checked_order(json.loads(body))
            return 201, {"order": self._place(customer, items)}
        except ValueError:
            raise Problem(400, "the body is not JSON") from None
        except Refused as refused:
            raise Problem(422, str(refused)) from None

    def _place(self, customer, items):
        return self.server.store().place(customer, items, self.server.instance)

    def _body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise Problem(411, "send a Content-Length")
        if int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            raise Problem(413, f"the body may have at most {BODY_BYTES_MAX} bytes")
        return self.rfile.read(int(length))

    def _answer(self, route):
        with self.server.under_way:
            url = urlsplit(self.path)
            try:
                status, content = route(url.path, parse_qs(url.query))
            except Problem as problem:
                status, content = problem.status, {"error": problem.detail}
            except Exception as error:  # A broken request must not break the others.
                print(f"error: {self.command} {self.path}: {error!r}", file=sys.stderr, flush=True)
                status, content = 500, {"error": "something went wrong"}
            self._send(status, content)

    def _send(self, status, content):
        text = json.dumps({"instance": self.server.instance, **content}).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Instance", self.server.instance)
        for name, value in self.further_headers():
            self.send_header(name, value)
        if self.server.stopping or self.close_connection:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        self.wfile.flush()

    def further_headers(self):
        """(name, value) of what else an answer carries."""
        return ()

    def log_message(self, form, *values):
        """The gateway keeps the access log; this one speaks of orders and errors only."""


class UnderWay:
    """Counts the requests that are being answered."""

    def __init__(self):
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self):
        with self._changed:
            self._count += 1

    def __exit__(self, *_):
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_for_end(self, seconds):
        """False when some have not ended in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout=seconds)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port, open_store, instance, handler=Handler):
        super().__init__(("127.0.0.1", port), handler)
        self.instance = instance
        self.stopping = False
        self._open_store = open_store
        self._of_thread = threading.local()
        self.under_way = UnderWay()

    def store(self):
        """The calling thread's connection to the database."""
        if not hasattr(self._of_thread, "store"):
            self._of_thread.store = self._open_store()
        return self._of_thread.store

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            if hasattr(self._of_thread, "store"):
                self._of_thread.store.close()

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"error: {error!r}", file=sys.stderr, flush=True)

    def stop(self):
        """Takes no new connection and waits for the requests under way."""
        self.stopping = True
        self.shutdown()
        return self.under_way.wait_for_end(STOP_SECONDS)


def serve(open_store, handler=Handler):
    """Serves until it is asked to stop; the exit status. Each thread opens its own store."""
    store = open_store()
    store.prepare()
    store.close()
    server = Server(int(os.environ.get("PORT", "0")), open_store, os.environ.get("SHORE_INSTANCE", "api"), handler)

    # Signals become a wait in the main thread: the server runs in another one.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    print(f"{server.instance} listens on 127.0.0.1:{server.server_port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finished = server.stop()
    print(f"{server.instance} stopped{'' if finished else ' with requests under way'}", flush=True)
    return 0 if finished else 1


def main():
    database = os.environ["SHOP_DATABASE"]
    return serve(lambda: Store(database))


if __name__ == "__main__":
    sys.exit(main())
