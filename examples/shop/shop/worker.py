"""The shop's worker: packs orders, oldest first, one at a time; a line of output for each.

    SHOP_DATABASE         path of the SQLite file
    SHOP_PACKING_SECONDS  how long a look for the next order waits (default 2)
    SHORE_INSTANCE        the name kept with each packed order
"""

import os
import signal
import sys

from shop.store import Store


def work(store):
    """Packs until it is asked to stop; the exit status."""
    instance = os.environ.get("SHORE_INSTANCE", "worker")
    pause = float(os.environ.get("SHOP_PACKING_SECONDS", "2"))
    store.prepare()

    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    print(f"{instance} waits for orders", flush=True)
    # The pause ends at once when the worker is asked to stop.
    while signal.sigtimedwait(signals, pause) is None:
        order = store.pack_next(instance)
        if order is not None:
            pieces = sum(item["quantity"] for item in order["items"])
            print(f"packed order {order['id']} for {order['customer']}: {pieces} pieces", flush=True)
    print(f"{instance} stopped", flush=True)
    return 0


def main():
    return work(Store(os.environ["SHOP_DATABASE"]))


if __name__ == "__main__":
    sys.exit(main())
