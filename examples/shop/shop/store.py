"""What the shop keeps: products and orders, in one SQLite file that the API's instances and the worker share."""

import sqlite3
from datetime import datetime, timezone

PRODUCTS = [
    ("lantern", "Storm lantern", "Burns eleven hours in a gale.", 4900),
    ("rope", "Hemp rope, 20 m", "Three strands, tarred, holds what you tie to it.", 2400),
    ("compass", "Pocket compass", "Brass. Points north, keeps doing so.", 6500),
    ("mug", "Enamel mug", "Survives the deck, the dishwasher and the crew.", 1400),
    ("hat", "Yellow sou'wester", "Rain runs off at the back.", 3200),
    ("tables", "Tide tables", "This year's, with the moon in the margin.", 900),
]
QUANTITY_MAX = 99
ITEMS_MAX = 20
NAME_LENGTH_MAX = 80

_SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL, price_cents INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT NOT NULL, status TEXT NOT NULL,
    placed_at TEXT NOT NULL, placed_by TEXT NOT NULL, packed_at TEXT, packed_by TEXT) STRICT;
CREATE TABLE IF NOT EXISTS items (
    order_id INTEGER NOT NULL REFERENCES orders (id), product TEXT NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS orders_new ON orders (id) WHERE status = 'new';
CREATE INDEX IF NOT EXISTS items_of_order ON items (order_id);
"""


class Refused(Exception):
    """An order that cannot be taken; the message says why."""


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """One connection; each thread opens its own."""

    def __init__(self, path):
        # Writers of other processes are waited for: WAL lets readers go on meanwhile.
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")

    def close(self):
        self._db.close()

    def prepare(self):
        """Creates the tables and the products when they are not there; several processes may do so at once."""
        self._db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.executemany("INSERT OR IGNORE INTO products VALUES (?, ?, ?, ?)", PRODUCTS)
        self._db.execute("COMMIT")

    def check(self):
        self._db.execute("SELECT 1 FROM products LIMIT 1").fetchone()

    def products(self):
        return [dict(row) for row in self._db.execute("SELECT * FROM products ORDER BY rowid")]

    def place(self, customer, items, placed_by):
        """Takes an order of [(product, quantity)] and returns it; Refused when it names what is not sold."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            order = self._db.execute(
                "INSERT INTO orders (customer, status, placed_at, placed_by) VALUES (?, 'new', ?, ?)",
                (customer, now(), placed_by)).lastrowid
            for product, quantity in items:
                taken = self._db.execute(
                    "INSERT INTO items SELECT ?, id, ?, price_cents FROM products WHERE id = ?",
                    (order, quantity, product))
                if taken.rowcount != 1:
                    raise Refused(f'there is no product "{product}"')
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return self._orders("WHERE orders.id = ?", (order,))[0]

    def orders(self, limit=20):
        """The newest orders first."""
        return self._orders("WHERE orders.id IN (SELECT id FROM orders ORDER BY id DESC LIMIT ?)", (limit,))

    def pack_next(self, packed_by):
        """Marks the oldest new order as packed and returns it, or None when there is none."""
        row = self._db.execute(
            "UPDATE orders SET status = 'packed', packed_at = ?, packed_by = ? WHERE id ="
            " (SELECT id FROM orders WHERE status = 'new' ORDER BY id LIMIT 1) RETURNING id",
            (now(), packed_by)).fetchall()
        return self._orders("WHERE orders.id = ?", (row[0]["id"],))[0] if row else None

    def _orders(self, where, values):
        rows = self._db.execute(
            "SELECT orders.*, items.product, items.quantity, items.price_cents, products.name FROM orders"
            " JOIN items ON items.order_id = orders.id JOIN products ON products.id = items.product "
            + where + " ORDER BY orders.id DESC, items.rowid", values)
        orders = {}
        for row in rows:
            order = orders.setdefault(row["id"], {
                "id": row["id"], "customer": row["customer"], "status": row["status"],
                "placed_at": row["placed_at"], "placed_by": row["placed_by"],
                "packed_at": row["packed_at"], "packed_by": row["packed_by"], "total_cents": 0, "items": []})
            order["items"].append({"product": row["product"], "name": row["name"], "quantity": row["quantity"]})
            order["total_cents"] += row["quantity"] * row["price_cents"]
        return list(orders.values())


def checked_order(body):
    """(customer, [(product, quantity)]) of a decoded JSON body; Refused when it is no order."""
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise Refused('an order looks like {"customer": "Ada", "items": [{"product": "mug", "quantity": 1}]}')
    customer = body.get("customer", "")
    if not isinstance(customer, str) or not 1 <= len(customer.strip()) <= NAME_LENGTH_MAX:
        raise Refused(f"customer must be a name of 1 to {NAME_LENGTH_MAX} characters")
    if not 1 <= len(body["items"]) <= ITEMS_MAX:
        raise Refused(f"an order has 1 to {ITEMS_MAX} items")
    items = []
    for item in body["items"]:
        product = item.get("product") if isinstance(item, dict) else None
        quantity = item.get("quantity") if isinstance(item, dict) else None
        if not isinstance(product, str):
            raise Refused("each item names a product")
        if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:
            raise Refused(f"quantity must be 1 to {QUANTITY_MAX}")
        items.append((product, quantity))
    return customer.strip(), items
