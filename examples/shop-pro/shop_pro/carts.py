"""Baskets of sessions, in Redis: a JSON list for each, forgotten a week after its last change."""

import json
import secrets

import redis

KEPT_SECONDS = 7 * 24 * 3600


class Carts:
    """Any thread."""

    def __init__(self, url):
        # One address follows the primary; a connection that was cut by a failover is made anew.
        self._redis = redis.Redis.from_url(
            url, socket_timeout=30, retry_on_timeout=True, health_check_interval=30,
            retry=redis.retry.Retry(redis.backoff.ExponentialBackoff(cap=0.5, base=0.05), retries=20),
            retry_on_error=[redis.exceptions.ConnectionError, redis.exceptions.ResponseError])

    @staticmethod
    def new_session():
        return secrets.token_urlsafe(16)

    def items(self, session):
        text = self._redis.get(f"cart:{session}")
        return json.loads(text) if text else []

    def keep(self, session, items):
        # The same again does no harm: it may be repeated when its outcome is unknown.
        self._redis.set(f"cart:{session}", json.dumps(items), ex=KEPT_SECONDS)

    def clear(self, session):
        self._redis.delete(f"cart:{session}")
