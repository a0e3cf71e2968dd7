"""Load that notices every failure: keep-alive HTTP requests at a steady rate, and open WebSockets.

A request fails when its answer is not complete with the expected status, whatever the reason; nothing is repeated. A
connection that the server closes between two requests is counted apart.
"""
import asyncio
import base64
import collections
import os
import threading
import time


class Background:
    """Runs a coroutine function on a loop of its own thread between start() and stop()."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.stopping = None

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.stopping = asyncio.Event()
        self.loop.run_until_complete(self.main())
        # Transports that were closed at the end take another turn of the loop.
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(30)
        assert not self.thread.is_alive(), "the load did not end"
        return self

    @staticmethod
    def reach(enough, seconds=30):
        """Lets the load run until enough() holds; on the calling thread. What follows shows when it never does."""
        end = time.monotonic() + seconds
        while not enough() and time.monotonic() < end:
            time.sleep(0.02)  # The load runs meanwhile.

    async def pause(self, seconds):
        """False once stop() was called; also when there is no time left to wait (wait_for would not look)."""
        if self.stopping.is_set():
            return False
        try:
            await asyncio.wait_for(self.stopping.wait(), max(seconds, 0))
            return False
        except asyncio.TimeoutError:
            return True


class HttpLoad(Background):
    """`connections` keep-alive connections that together send `rate` GET requests a second."""

    def __init__(self, port, path="/", rate=250, connections=20, timeout=15, tls=None):
        super().__init__()
        self.port, self.path, self.rate, self.connections, self.timeout = port, path, rate, connections, timeout
        self.tls = tls  # An ssl.SSLContext, or None.
        self.succeeded = 0
        self.failures = []
        self.closed_between = 0
        self.bodies = collections.Counter()
        self.slowest = 0.0
        self.began = self.ended = 0.0

    async def main(self):
        self.began = time.monotonic()
        await asyncio.gather(*(self._connection(i) for i in range(self.connections)))
        self.ended = time.monotonic()

    async def _connection(self, index):
        interval = self.connections / self.rate
        due = time.monotonic() + interval * index / self.connections
        reader = writer = None
        while await self.pause(due - time.monotonic()):
            due = max(due + interval, time.monotonic() - 1)
            if reader is not None and reader.at_eof():
                self.closed_between += 1
                writer.close()
                reader = None
            before = time.monotonic()
            try:
                if reader is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
                closing, body = await asyncio.wait_for(self._request(reader, writer), self.timeout)
                self.succeeded += 1
                self.bodies[body] += 1
                self.slowest = max(self.slowest, time.monotonic() - before)
            except Exception as error:  # Every way to fail counts the same.
                self.failures.append(f"{time.monotonic() - self.began:.2f} s: {type(error).__name__}: {error}")
                closing = True
            if closing and writer is not None:
                writer.close()
                reader = writer = None
        if writer is not None:
            writer.close()

    async def _request(self, reader, writer):
        writer.write(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        if "content-length" in fields:
            body = await reader.readexactly(int(fields["content-length"]))
        else:
            body = b""
            while True:
                size = int((await reader.readline()).split(b";")[0], 16)
                part = await reader.readexactly(size + 2)
                body += part[:-2]
                if size == 0:
                    break
        if not head.startswith("HTTP/1.1 200 "):
            raise RuntimeError(f"{head.splitlines()[0]}: {body[:200]!r}")
        return fields.get("connection") == "close", body.decode()

    @property
    def achieved_rate(self):
        return self.succeeded / max(self.ended - self.began, 0.001)

    def summary(self):
        return (f"{self.succeeded} requests at {self.achieved_rate:.0f}/s over {self.connections} connections, "
                f"{len(self.failures)} failed, {self.closed_between} connections closed between requests, "
                f"slowest {self.slowest * 1000:.0f} ms")


class WebSockets(Background):
    """`count` WebSockets that each send a text every `interval` seconds and expect it back."""

    def __init__(self, port, path="/ws", count=50, interval=0.5):
        super().__init__()
        self.port, self.path, self.count, self.interval = port, path, count, interval
        self.opened = 0
        self.echoes = 0
        self.broken = []

    async def main(self):
        await asyncio.gather(*(self._socket(i) for i in range(self.count)))

    async def _socket(self, index):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            key = base64.b64encode(os.urandom(16)).decode()
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
            if not head.startswith(b"HTTP/1.1 101 "):
                raise RuntimeError(head.decode("latin-1").splitlines()[0])
            self.opened += 1
            number = 0
            while await self.pause(self.interval * (0.5 + index / self.count)):
                number += 1
                text = f"socket {index} message {number}".encode()
                writer.write(bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
                first, size = await asyncio.wait_for(reader.readexactly(2), 15)
                if first != 0x81 or await reader.readexactly(size) != text:
                    raise RuntimeError("the echo differs")
                self.echoes += 1
            writer.write(b"\x88\x80\0\0\0\0")
            writer.close()
        except Exception as error:
            self.broken.append(f"socket {index}: {type(error).__name__}: {error}")

    def summary(self):
        return f"{self.opened} WebSockets opened, {self.echoes} echoes, {len(self.broken)} broken"


class EventStreams(Background):
    """`count` streams of server-sent events that must go on with one event after the other until stop()."""

    def __init__(self, port, path="/events", count=10):
        super().__init__()
        self.port, self.path, self.count = port, path, count
        self.events = 0
        self.broken = []

    async def main(self):
        await asyncio.gather(*(self._stream(i) for i in range(self.count)))

    async def _stream(self, index):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(head.decode("latin-1").splitlines()[0])
            number = 0
            while not self.stopping.is_set():
                line = await asyncio.wait_for(reader.readuntil(b"\n"), 15)
                if line.startswith(b"data: "):
                    number += 1
                    if int(line[6:]) != number:
                        raise RuntimeError(f"event {line!r} where {number} was due")
                    self.events += 1
            writer.close()
        except Exception as error:
            self.broken.append(f"stream {index}: {type(error).__name__}: {error}")

    def summary(self):
        return f"{self.count} event streams, {self.events} events, {len(self.broken)} broken"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


__all__ = ["EventStreams", "HttpLoad", "WebSockets", "percentile"]
