#include "prove/sample_app.h"

#include <unistd.h>

#include "async/event.h"
#include "async/timer.h"
#include "net/http_server.h"
#include "net/sse.h"

namespace shore::prove {

using async::Task;

namespace {

class SampleApp final : public net::HttpHandler {
 public:
    SampleApp(async::Loop& loop, std::string version) : loop_(loop), version_(std::move(version)) {}

    Task<void> handle(const net::HttpRequest& request, net::HttpResponder& responder) override {
        if (request.path().ends_with("/healthz")) {
            co_await responder.send(net::HttpResponse::text(200, "ok"));
        } else if (request.path().ends_with("/stream")) {
            co_await stream(responder);
        } else {
            co_await responder.send(
                net::HttpResponse::text(200, fmt::format("{} {}", version_, getpid())));
        }
    }

 private:
    Task<void> stream(net::HttpResponder& responder) {
        net::HttpResponse head;
        head.fields.add("Content-Type", net::kSseContentType);
        if (!co_await responder.begin(std::move(head))) {
            co_return;
        }
        for (uint64_t number = 1;; ++number) {
            if (!co_await responder.write(net::to_text({.data = std::to_string(number)}))) {
                co_return;
            }
            co_await async::sleep_for(loop_, std::chrono::milliseconds(500));
        }
    }

    async::Loop& loop_;
    std::string version_;
};

}  // namespace

Task<Result<void>> run_sample_app(async::Loop& loop, SampleAppOptions options) {
    SampleApp app(loop, options.version);
    net::HttpServer server(loop, app);
    SHORE_CO_TRY([[maybe_unused]] const auto address,
                 server.listen(net::Address::loopback(options.port)));
    async::Event never(loop);
    co_await never.wait();
    co_return Result<void>();
}

}  // namespace shore::prove
