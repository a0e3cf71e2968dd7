"""Shopping on examples/shop-pro while it is deployed and its engines are killed: no order that was taken is lost."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from shore_under_test import SOURCE, ShoreTest, wait_until  # noqa: E402

SHOPPERS = 4


class Shopper(threading.Thread):
    """Fills a basket, looks at it, orders it; again and again, until told to stop. Remembers what it was answered."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.port, self.name_of_customer = port, name
        self.orders, self.failures, self.lost_baskets = [], [], []
        self.ending = threading.Event()

    def ask(self, connection, method, path, body=None, headers=None):
        connection.request(method, path, body=None if body is None else json.dumps(body),
                           headers={"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.getheader("Set-Cookie")

    def run(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            self.shop(connection)

    def shop(self, connection):
        cookie, number = {}, 0
        while not self.ending.is_set():
            number += 1
            items = [{"product": "mug", "quantity": number % 90 + 1}]
            try:
                status, answer, new = self.ask(connection, "POST", "/api/cart", {"items": items}, cookie)
                if new:
                    cookie = {"Cookie": new.split(";")[0]}
                if status != 200:
                    self.failures.append((status, answer))
                    continue
                status, answer, _ = self.ask(connection, "GET", "/api/cart", headers=cookie)
                if status == 200 and answer["items"] != items:
                    self.lost_baskets.append((items, answer["items"]))
                customer = f"{self.name_of_customer} {number}"
                status, answer, _ = self.ask(connection, "POST", "/api/orders",
                                             {"customer": customer, "items": items}, cookie)
                if status == 201:
                    self.orders.append((answer["order"]["id"], customer))
                else:
                    self.failures.append((status, answer))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()


class ShopPro(ShoreTest):
    def setUp(self):
        super().setUp()
        for example in ("shop", "shop-pro"):
            shutil.copytree(os.path.join(SOURCE, "examples", example), os.path.join(self.shore.root, example))
        self.shore.manifest = os.path.join(self.shore.root, "shop-pro", "compose.yaml")
        with open(self.shore.manifest, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("name: shop-pro", "name: proof")
        text = text.replace("http://:8090", f"http://127.0.0.1:{self.shore.port}")
        text += f'  ports: {{range: "{self.shore.range_first}-{self.shore.range_first + 899}"}}\n'
        with open(self.shore.manifest, "w", encoding="utf-8") as file:
            file.write(text)

    def engines(self):
        path = os.path.join(self.shore.state, "run", "api.sock")
        done = subprocess.run(["curl", "-sS", "--unix-socket", path, "http://shore/v1/stacks/proof/engines"],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["processes"]

    def server_of(self, agent):
        """The real server: the agent's child."""
        with open(f"/proc/{agent}/task/{agent}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def kill_server(self, service, role=None):
        pids = self.shore.pids(service)
        for process in self.engines():
            is_meant = role is None or process.get("status", {}).get("role") == role
            if process["instance"] in pids and is_meant:
                os.kill(self.server_of(pids[process["instance"]]), signal.SIGKILL)
                return
        raise AssertionError(f"{service} has no {role}: {self.engines()}")

    def all_ready(self):
        return all(service["ready"] == service["desired"] for service in self.shore.stack()["services"])

    def test_loses_no_order_over_deploys_and_kills(self):
        self.shore.up(timeout=240)
        wait_until("everything is ready", self.all_ready, 60)
        shoppers = [Shopper(self.shore.port, f"shopper{number}") for number in range(SHOPPERS)]
        for shopper in shoppers:
            shopper.start()

        def taken():
            return sum(len(shopper.orders) for shopper in shoppers)

        def shop_on():
            before = taken()
            wait_until("orders are taken", lambda: taken() >= before + 20, 60)

        shop_on()
        steps = {}
        for name, step in (
                ("rolling deploy", lambda: self.shore.deploy("--force", timeout=240)),
                ("kill -9 of Redis' primary", lambda: self.kill_server("carts-server", "primary")),
                ("failover by hand", lambda: self.shore.run("redis", "failover", "-f", self.shore.manifest)),
                ("kill -9 of PostgreSQL", lambda: self.kill_server("db"))):
            began = time.monotonic()
            before = taken()
            step()
            shop_on()
            wait_until(f"everything is ready after {name}", self.all_ready, 120)
            steps[name] = f"{time.monotonic() - began:.1f} s, {taken() - before} orders"
        for shopper in shoppers:
            shopper.ending.set()
        for shopper in shoppers:
            shopper.join(90)
        failures = [failure for shopper in shoppers for failure in shopper.failures]
        kept = self.shore.run("db", "psql", "-f", self.shore.manifest, "--", "-At", "-F", "|", "-c",
                              "SELECT id, customer FROM orders ORDER BY id").stdout.split("\n")
        kept = [(int(line.split("|")[0]), line.split("|")[1]) for line in kept if line]
        acknowledged = [order for shopper in shoppers for order in shopper.orders]
        self.measured(f"{len(acknowledged)} orders, {len(failures)} failures; {steps}")
        self.assertEqual(sorted(set(acknowledged) - set(kept)), [], "orders that were taken and are lost")
        customers = [customer for _, customer in kept]
        self.assertEqual(len(customers), len(set(customers)), "an order was taken twice")
        self.assertEqual([basket for shopper in shoppers for basket in shopper.lost_baskets], [])
        said = [line["message"] for line in self.shore.log_lines("api") if line["message"].startswith("error")]
        self.assertEqual(failures, [], said[:10])


if __name__ == "__main__":
    unittest.main()
