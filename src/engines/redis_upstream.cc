#include "engines/redis_upstream.h"

#include "net/raw_io.h"

namespace shore::engines {

std::unique_ptr<RedisUpstream> RedisUpstream::connect(async::Loop& loop,
                                                      const RedisShard::Address& address,
                                                      uint32_t slot) {
    auto begun = net::begin_connect(address.raw, address.length);
    if (!begun) {
        return nullptr;
    }
    std::unique_ptr<RedisUpstream> upstream(
        new RedisUpstream(loop, std::move(begun->socket), slot));
    if (!upstream->watch_.start(upstream->socket_.get())) {
        return nullptr;
    }
    upstream->watch_.read_drained();
    if (!begun->connected) {
        upstream->watch_.write_full();
    }
    return upstream;
}

}  // namespace shore::engines
