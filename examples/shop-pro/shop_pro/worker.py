"""The shop's worker on PostgreSQL: shop.worker on another store. DATABASE_URL names it."""

import os
import sys

from shop.worker import work
from shop_pro.store import Store

if __name__ == "__main__":
    sys.exit(work(Store(os.environ["DATABASE_URL"])))
