"""Products and orders in PostgreSQL: the interface of shop.store.Store.

Connections go through a pool in transaction mode: nothing here needs a session. When a connection is lost, the work is
done again on a new one; an order carries a key of its own, so that it is taken once however often it is tried.
"""

import time
import uuid

import psycopg2
import psycopg2.extras

from shop.store import PRODUCTS, Refused

# Any number, the same in all instances: one of them makes the tables.
_PREPARE_LOCK = 7107
_PATIENCE_SECONDS = 30
_PAUSE_SECONDS = 0.1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    id text PRIMARY KEY, position int NOT NULL, name text NOT NULL, note text NOT NULL, price_cents int NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key uuid NOT NULL UNIQUE, customer text NOT NULL,
    status text NOT NULL DEFAULT 'new', placed_at timestamptz NOT NULL DEFAULT now(), placed_by text NOT NULL,
    packed_at timestamptz, packed_by text);
CREATE TABLE IF NOT EXISTS items (
    order_id bigint NOT NULL REFERENCES orders, line int NOT NULL, product text NOT NULL REFERENCES products,
    quantity int NOT NULL, price_cents int NOT NULL, PRIMARY KEY (order_id, line));
CREATE INDEX IF NOT EXISTS orders_new ON orders (id) WHERE status = 'new';
"""


class Store:
    """One connection, made when it is needed; each thread has its own."""

    def __init__(self, url):
        self._url = url
        self._db = None

    def close(self):
        if self._db is not None:
            self._db.close()
            self._db = None

    def _do(self, work):
        """work(cursor) in a transaction of its own; again, on a new connection, when that is lost."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                if self._db is None:
                    self._db = psycopg2.connect(self._url, connect_timeout=10)
                with self._db, self._db.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                    return work(cursor)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self.close()
                if time.monotonic() >= end:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def prepare(self):
        def work(cursor):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_PREPARE_LOCK,))
            cursor.execute(_SCHEMA)
            cursor.executemany(
                "INSERT INTO products (id, position, name, note, price_cents) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO NOTHING",
                [(row[0], position, *row[1:]) for position, row in enumerate(PRODUCTS)])
        self._do(work)

    def check(self):
        self._do(lambda cursor: cursor.execute("SELECT 1 FROM products LIMIT 1"))

    def products(self):
        def work(cursor):
            cursor.execute("SELECT id, name, note, price_cents FROM products ORDER BY position")
            return [dict(row) for row in cursor]
        return self._do(work)

    def place(self, customer, items, placed_by):
        key = str(uuid.uuid4())

        def work(cursor):
            cursor.execute(
                "INSERT INTO orders (key, customer, placed_by) VALUES (%s, %s, %s)"
                " ON CONFLICT (key) DO NOTHING RETURNING id", (key, customer, placed_by))
            row = cursor.fetchone()
            if row is not None:  # Otherwise the first try was committed, and only its answer was lost.
                for line, (product, quantity) in enumerate(items):
                    cursor.execute(
                        "INSERT INTO items SELECT %s, %s, id, %s, price_cents FROM products WHERE id = %s",
                        (row["id"], line, quantity, product))
                    if cursor.rowcount != 1:
                        raise Refused(f'there is no product "{product}"')
            return self._orders(cursor, "WHERE orders.key = %s", (key,))[0]
        return self._do(work)

    def orders(self, limit=20):
        where = "WHERE orders.id IN (SELECT id FROM orders ORDER BY id DESC LIMIT %s)"
        return self._do(lambda cursor: self._orders(cursor, where, (limit,)))

    def pack_next(self, packed_by):
        def work(cursor):
            cursor.execute(
                "UPDATE orders SET status = 'packed', packed_at = now(), packed_by = %s WHERE id ="
                " (SELECT id FROM orders WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)"
                " RETURNING id", (packed_by,))
            row = cursor.fetchone()
            return self._orders(cursor, "WHERE orders.id = %s", (row["id"],))[0] if row else None
        return self._do(work)

    @staticmethod
    def _orders(cursor, where, values):
        cursor.execute(
            "SELECT orders.*, items.product, items.quantity, items.price_cents, products.name FROM orders"
            " JOIN items ON items.order_id = orders.id JOIN products ON products.id = items.product "
            + where + " ORDER BY orders.id DESC, items.line", values)
        orders = {}
        for row in cursor:
            order = orders.setdefault(row["id"], {
                "id": row["id"], "customer": row["customer"], "status": row["status"],
                "placed_at": _text(row["placed_at"]), "placed_by": row["placed_by"],
                "packed_at": _text(row["packed_at"]), "packed_by": row["packed_by"], "total_cents": 0, "items": []})
            order["items"].append({"product": row["product"], "name": row["name"], "quantity": row["quantity"]})
            order["total_cents"] += row["quantity"] * row["price_cents"]
        return list(orders.values())


def _text(time_or_none):
    return time_or_none and time_or_none.isoformat(timespec="milliseconds").replace("+00:00", "Z")
