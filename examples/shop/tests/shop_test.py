#!/usr/bin/env python3
"""The shop's parts, each as its own process as in production: the API over real sockets, the worker, the store."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

SHOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SHOP))

from shop.store import PRODUCTS, Refused, Store, checked_order  # noqa: E402


class StoreTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.store = Store(f"{directory.name}/shop.db")
        self.addCleanup(self.store.close)
        self.store.prepare()

    def test_preparing_twice_changes_nothing(self):
        self.store.prepare()
        self.assertEqual([row["id"] for row in self.store.products()], [product[0] for product in PRODUCTS])

    def test_an_order_is_kept_with_its_total(self):
        order = self.store.place("Ada", [("mug", 2), ("rope", 1)], "api-1")
        self.assertEqual((order["total_cents"], order["status"], order["placed_by"]), (5200, "new", "api-1"))
        self.assertEqual(self.store.orders(), [order])

    def test_an_order_of_something_unknown_leaves_nothing_behind(self):
        with self.assertRaises(Refused):
            self.store.place("Ada", [("mug", 1), ("moon", 1)], "api-1")
        self.assertEqual(self.store.orders(), [])

    def test_orders_are_packed_oldest_first_and_once(self):
        first, second = (self.store.place(name, [("mug", 1)], "api-1") for name in ("Ada", "Bo"))
        self.assertEqual(self.store.pack_next("worker-1")["id"], first["id"])
        self.assertEqual(self.store.pack_next("worker-1")["id"], second["id"])
        self.assertIsNone(self.store.pack_next("worker-1"))
        self.assertEqual([order["status"] for order in self.store.orders()], ["packed", "packed"])

    def test_what_is_no_order_is_refused_with_a_reason(self):
        good = {"customer": "Ada", "items": [{"product": "mug", "quantity": 1}]}
        self.assertEqual(checked_order(good), ("Ada", [("mug", 1)]))
        for change in ({"customer": ""}, {"customer": "x" * 81}, {"customer": 3}, {"items": []}, {"items": "mug"},
                       {"items": [{"product": "mug", "quantity": 0}]},
                       {"items": [{"product": "mug", "quantity": True}]},
                       {"items": [{"quantity": 1}]}, {"items": ["mug"]}, {"items": good["items"] * 21}):
            with self.assertRaises(Refused, msg=str(change)):
                checked_order({**good, **change})


class ProcessTest(unittest.TestCase):
    """Starts the API and the worker as the gateway's users would see them."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.database = f"{directory.name}/shop.db"

    def start(self, module, instance, **environment):
        """The process and its first line of output."""
        process = subprocess.Popen(
            [sys.executable, "-B", "-m", module], cwd=SHOP, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "SHOP_DATABASE": self.database, "SHORE_INSTANCE": instance, "PORT": "0", **environment})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, process.stdout.readline().strip()

    def start_api(self, instance="api-1"):
        process, line = self.start("shop.api", instance)
        connection = http.client.HTTPConnection("127.0.0.1", int(line.rsplit(":", 1)[1]), timeout=10)
        self.addCleanup(connection.close)
        return process, connection

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")

    def test_two_instances_share_the_orders_and_name_themselves(self):
        _, first = self.start_api("api-1")
        _, second = self.start_api("api-2")
        status, answer = self.ask(first, "POST", "/api/orders",
                                  {"customer": "Ada", "items": [{"product": "hat", "quantity": 1}]})
        self.assertEqual((status, answer["instance"], answer["order"]["total_cents"]), (201, "api-1", 3200))
        status, answer = self.ask(second, "GET", "/api/orders")
        self.assertEqual((status, answer["instance"], len(answer["orders"])), (200, "api-2", 1))

    def test_one_connection_carries_many_requests(self):
        _, api = self.start_api()
        api.connect()
        socket = api.sock
        for path in ("/api/healthz", "/api/products", "/api/orders"):
            self.assertEqual(self.ask(api, "GET", path)[0], 200)
        api.request("HEAD", "/api/products")
        response = api.getresponse()
        self.assertEqual((response.status, response.read()), (200, b""))
        self.assertEqual(self.ask(api, "GET", "/api/nothing")[0], 404)
        self.assertIs(api.sock, socket)

    def test_bad_requests_are_refused_and_the_next_one_is_served(self):
        _, api = self.start_api()
        for body, expected in ((b"{", 400), (b"[]", 422), (b"x" * (64 * 1024 + 1), 413)):
            api.request("POST", "/api/orders", body)
            response = api.getresponse()
            self.assertEqual(response.status, expected)
            self.assertIn("error", json.loads(response.read()))
        self.assertEqual(self.ask(api, "GET", "/api/orders?limit=0")[0], 400)
        self.assertEqual(self.ask(api, "GET", "/api/orders?limit=1")[0], 200)

    def test_orders_placed_side_by_side_are_all_kept(self):
        _, api = self.start_api()
        _, other = self.start_api("api-2")
        statuses = []

        def place(connection):
            for _ in range(20):
                statuses.append(self.ask(connection, "POST", "/api/orders",
                                         {"customer": "Ada", "items": [{"product": "mug", "quantity": 1}]})[0])

        threads = [threading.Thread(target=place, args=(connection,)) for connection in (api, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [201] * 40)
        self.assertEqual(len(self.ask(api, "GET", "/api/orders?limit=100")[1]["orders"]), 40)

    def test_the_api_stops_on_sigterm_with_an_idle_connection_open(self):
        process, api = self.start_api()
        self.assertEqual(self.ask(api, "GET", "/api/healthz")[0], 200)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=15), 0)
        self.assertIn("stopped", process.stdout.read())

    def test_a_request_under_way_is_finished_before_the_api_stops(self):
        process, api = self.start_api()
        body = json.dumps({"customer": "Ada", "items": [{"product": "mug", "quantity": 1}]}).encode()
        api.putrequest("POST", "/api/orders")
        api.putheader("Content-Length", str(len(body)))
        api.endheaders(body[:10])
        # A second request is answered only after the first one was taken up: both are in the order of the accept queue.
        probe = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
        self.assertEqual(self.ask(probe, "GET", "/api/healthz")[0], 200)
        probe.close()
        process.send_signal(signal.SIGTERM)
        api.send(body[10:])
        response = api.getresponse()
        self.assertEqual((response.status, response.getheader("Connection")), (201, "close"))
        response.read()
        self.assertEqual(process.wait(timeout=15), 0)

    def test_the_worker_packs_what_was_ordered_and_stops_on_sigterm(self):
        store = Store(self.database)
        self.addCleanup(store.close)
        store.prepare()
        store.place("Ada", [("mug", 3)], "api-1")
        process, line = self.start("shop.worker", "worker-1", SHOP_PACKING_SECONDS="0.01")
        self.assertEqual(line, "worker-1 waits for orders")
        self.assertEqual(process.stdout.readline().strip(), "packed order 1 for Ada: 3 pieces")
        self.assertEqual(store.orders()[0]["packed_by"], "worker-1")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=15), 0)


if __name__ == "__main__":
    unittest.main()
