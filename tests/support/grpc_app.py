#!/usr/bin/python3
"""A gRPC server and client on Debian's grpcio (the C core), without generated code: messages are bytes.

grpc_app.py serve PORT           serves shop.Echo and grpc.health.v1.Health
grpc_app.py call TARGET NAME     makes one kind of call and prints what came of it as JSON; CA=file for TLS
"""
import json
import os
import queue
import sys
import threading
import time
from concurrent import futures

import grpc


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-initial", "1"),))
    context.set_trailing_metadata((("x-trailing", metadata.get("x-asked", "")), ("x-bytes-bin", b"\x00\xff")))
    return b"echo:" + request


def server_stream(request, context):
    for i in range(int(request)):
        yield b"%d" % i


def client_stream(requests, context):
    return b"%d" % sum(len(request) for request in requests)


def bidi(requests, context):
    for request in requests:
        yield request[::-1]


def fail(request, context):
    context.set_trailing_metadata((("x-reason", "stock"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "sold out: ä")


CANCELLED = []


def slow(request, context):
    context.add_callback(lambda: CANCELLED.append(request))
    for _ in range(200):
        if not context.is_active():
            break
        time.sleep(0.05)  # tidy-allow(test-sleep): a slow app is the fixture
    return b"late"


def cancelled(request, context):
    return b"%d" % CANCELLED.count(request)


def check(request, context):
    if request and request[2:] not in (b"shop.Echo", b""):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return b"\x08\x01" if not os.path.exists(os.environ.get("SICK", "/nonexistent")) else b"\x08\x02"


def serve(port):
    one, out = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    methods = {"Unary": one(unary), "ServerStream": out(server_stream), "Fail": one(fail), "Slow": one(slow),
               "Cancelled": one(cancelled), "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
               "Bidi": grpc.stream_stream_rpc_method_handler(bidi)}
    server = grpc.server(futures.ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", 64 << 20)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Echo", methods),
                                     grpc.method_handlers_generic_handler("grpc.health.v1.Health",
                                                                          {"Check": one(check)})))
    assert server.add_insecure_port(f"127.0.0.1:{port}") == int(port)
    server.start()
    server.wait_for_termination()


class Calls:
    def __init__(self, target):
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_retries", 0)]
        if "CA" in os.environ:
            with open(os.environ["CA"], "rb") as authority:
                credentials = grpc.ssl_channel_credentials(authority.read())
            self.channel = grpc.secure_channel(target, credentials, options)
        else:
            self.channel = grpc.insecure_channel(target, options)
        self.target = target

    def one(self, name):
        return self.channel.unary_unary(f"/shop.Echo/{name}")

    def unary(self):
        answer, call = self.one("Unary").with_call(b"hello", metadata=(("x-asked", "why"),), timeout=10)
        trailing = dict(call.trailing_metadata())
        return {"answer": answer.decode(), "initial": dict(call.initial_metadata()).get("x-initial"),
                "trailing": trailing["x-trailing"], "binary": trailing["x-bytes-bin"].hex(), "code": call.code().name}

    def large(self):
        message = os.urandom(20 << 20)
        return {"same": self.one("Unary")(message, timeout=60) == b"echo:" + message}

    def empty(self):
        return {"answer": self.one("Unary")(b"", timeout=10).decode()}

    def server_stream(self):
        answers = self.channel.unary_stream("/shop.Echo/ServerStream")(b"5000", timeout=60)
        return {"in_order": [int(answer) for answer in answers] == list(range(5000))}

    def client_stream(self):
        sent = (b"x" * 1000 for _ in range(2000))
        return {"sum": int(self.channel.stream_unary("/shop.Echo/ClientStream")(sent, timeout=60))}

    def bidi(self):
        """Each message goes out only when the answer to the one before is there."""
        pending = queue.Queue()
        answers = self.channel.stream_stream("/shop.Echo/Bidi")(iter(pending.get, None), timeout=60)
        got = []
        for word in (b"abc", b"", b"de" * 30000):
            pending.put(word)
            got.append(next(answers) == word[::-1])
        pending.put(None)
        return {"got": got, "rest": len(list(answers)), "code": answers.code().name}

    def fail(self):
        return self.failure(self.one("Fail"), b"", 10)

    def unknown(self):
        return self.failure(self.one("Nothing"), b"", 10)

    def deadline(self):
        return self.failure(self.one("Slow"), b"deadline", 0.5)

    def cancel(self):
        call = self.one("Slow").future(b"cancel", timeout=30)
        time.sleep(0.5)  # tidy-allow(test-sleep): the call must have reached the server
        call.cancel()
        return {"seen": self.wait_cancelled(b"cancel")}

    def wait_cancelled(self, request):
        for _ in range(100):
            if self.one("Cancelled")(request, timeout=5) == b"1":
                return True
            time.sleep(0.05)  # tidy-allow(test-sleep): the pause between two looks
        return False

    @staticmethod
    def failure(method, request, timeout):
        try:
            method(request, timeout=timeout)
            return {"code": "OK"}
        except grpc.RpcError as error:
            return {"code": error.code().name, "details": error.details(),
                    "reason": dict(error.trailing_metadata() or ()).get("x-reason")}

    def many(self):
        """200 calls at a time on one channel, 4000 together."""
        failures = []

        def work():
            for i in range(20):
                try:
                    if self.one("Unary")(b"%d" % i, timeout=60) != b"echo:%d" % i:
                        failures.append("wrong")
                except grpc.RpcError as error:
                    failures.append(f"{error.code().name}: {error.details()}")
        threads = [threading.Thread(target=work) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"failures": failures[:5]}

    def steady(self):
        """Calls until standard input ends; what failed. Says "calling" once one was answered."""
        done = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
        failures, count = [], 0
        while not done.is_set():
            try:
                self.one("Unary")(b"x", timeout=20)
                count += 1
                if count == 1:
                    print("calling", flush=True)
            except grpc.RpcError as error:
                failures.append(f"{error.code().name}: {error.details()}")
        return {"count": count, "failures": failures[:5]}


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        print(json.dumps(getattr(Calls(sys.argv[2]), sys.argv[3])()))
