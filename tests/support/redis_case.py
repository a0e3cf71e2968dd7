"""What tests of a Redis engine share: a case that shows the agents' logs when it fails, a client that writes without
pause, what the sentinels say."""
import contextlib
import itertools
import queue
import socket
import sys
import threading
import time
import unittest

from redis_engine import RedisEngine, RedisError, wait_until


class Writer(threading.Thread):
    """Writes counted values without pause on one connection; remembers which were acknowledged and the longest time
    between two of these."""

    numbers = itertools.count(1)

    def __init__(self, engine):
        super().__init__(daemon=True)
        # A list of its own: a test that fails leaves its writer behind.
        self.engine, self.name_ = engine, f"w{next(self.numbers)}"
        self.acknowledged, self.unknown, self.errors = [], [], []
        self.gap, self.last = 0, None
        self.going = True

    def run(self):
        number = 0
        with self.engine.client(seconds=60) as client:
            while self.going:
                number += 1
                try:
                    client.ask("RPUSH", self.name_, number)
                except RedisError as error:
                    if "SHOREUNKNOWN" in str(error) or "SHORENOTREPLICATED" in str(error):
                        self.unknown.append(number)
                    else:
                        self.errors.append(str(error))
                    continue
                now = time.monotonic()
                self.gap = max(self.gap, now - self.last if self.last else 0)
                self.last = now
                self.acknowledged.append(number)

    def writes(self, count, seconds=30):
        """Waits for so many more acknowledged writes."""
        target = len(self.acknowledged) + count
        wait_until(f"{count} more writes", lambda: len(self.acknowledged) >= target or not self.is_alive(), seconds)

    def finish(self):
        self.going = False
        self.join(60)
        with self.engine.client() as client:
            stored = [int(value) for value in client.ask("LRANGE", self.name_, 0, -1)]
        lost = set(self.acknowledged) - set(stored)
        twice = len(stored) - len(set(stored))
        return stored, lost, twice


class Events:
    """What the sentinels say on these channels."""

    def __init__(self, engine, *channels):
        self.heard = queue.Queue()
        self.clients = [sentinel.redis(seconds=None) for sentinel in engine.sentinels]
        for client in self.clients:
            for channel in channels:
                client.ask("SUBSCRIBE", channel)
        self.threads = [threading.Thread(target=self.listen, args=each) for each in zip(engine.sentinels, self.clients)]
        for thread in self.threads:
            thread.start()

    def listen(self, sentinel, client):
        try:
            while True:
                _, channel, text = client.reply()
                self.heard.put((channel.decode(), text.decode(), sentinel))
        except (OSError, ValueError):
            pass  # It has ended, or this has.

    def wait_for(self, channel, text):
        """The sentinel that has said it."""
        while True:
            said = self.heard.get(timeout=60)
            if said[0] == channel and text in said[1]:
                return said[2]

    def close(self):
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for client in self.clients:
            client.close()


class EngineCase(unittest.TestCase):
    engine = None

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def run(self, result=None):
        failures = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failures:
            sys.stderr.write(self.engine.logs())

    def fails(self, text, client, *command):
        with self.assertRaises(RedisError) as caught:
            client.ask(*command)
        self.assertIn(text, str(caught.exception))


class HighlyAvailable(EngineCase):
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.engine = RedisEngine(**cls.options).start_whole()

    def setUp(self):
        self.engine.wait_whole()
        with self.engine.client() as client:
            client.ask("FLUSHALL")
