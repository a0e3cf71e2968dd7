// ioredis as the judge of the Redis endpoint: pipelines, transactions, messages, blocking, scripts; and of the
// sentinels, for clients that find the primary themselves. Exits non-zero with the first difference.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Redis from "ioredis";

const login = { username: process.env.USERNAME, password: process.env.PASSWORD };
// An engine that speaks TLS: at its servers and at its sentinels.
const tls = process.env.CA_FILE ? { ca: readFileSync(process.env.CA_FILE) } : undefined;
const secure = tls ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {};
const at = { host: "127.0.0.1", port: Number(process.env.PORT), ...login, ...(tls ? { tls } : {}) };
const open = (more = {}) => new Redis({ ...at, ...more });

const redis = open({ db: 2, connectionName: "judge" });
assert.equal(await redis.set("a", "1"), "OK");
assert.equal(await redis.client("GETNAME"), "judge");

const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => redis.rpush("list", i)));
assert.deepEqual(answers, Array.from({ length: 1000 }, (_, i) => i + 1));
const mixed = await redis.pipeline().set("b", "2").get("b").incr("n").get("none").exec();
assert.deepEqual(mixed, [[null, "OK"], [null, "2"], [null, 1], [null, null]]);

assert.deepEqual(await redis.multi().incr("n").get("n").exec(), [[null, 2], [null, "2"]]);
await redis.watch("n");
await open({ db: 2 }).incr("n");
assert.equal(await redis.multi().incr("n").exec(), null);

redis.defineCommand("twice", { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1] * 2)" });
assert.equal(await redis.twice("t", 4), 8);

const subscriber = open();
const heard = new Promise((resolve) => subscriber.on("message", (channel, text) => resolve([channel, text])));
await subscriber.subscribe("news");
await redis.publish("news", "good");
assert.deepEqual(await heard, ["news", "good"]);

const waiting = open({ db: 2 });
const popped = waiting.blpop("queue", 10);
await redis.rpush("queue", "x");
assert.deepEqual(await popped, ["queue", "x"]);

const big = Buffer.alloc(2 << 20, "y");
await redis.set("big", big);
assert.ok(big.equals(await redis.getBuffer("big")));

let keys = 0;
for await (const page of redis.scanStream({ count: 10 })) {
    keys += page.length;
}
assert.ok(keys >= 5);

const aware = new Redis({
    sentinels: JSON.parse(process.env.SENTINELS), name: "store", ...login, ...secure,
    sentinelUsername: login.username, sentinelPassword: login.password,
});
assert.equal((await aware.role())[0], "master");
const replica = new Redis({
    sentinels: JSON.parse(process.env.SENTINELS), name: "store", role: "slave", ...login, ...secure,
    sentinelUsername: login.username, sentinelPassword: login.password,
});
assert.equal((await replica.role())[0], "slave");
process.exit(0);
