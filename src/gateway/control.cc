#include "gateway/control.h"

#include <array>
#include <filesystem>
#include <utility>

#include <unistd.h>

#include "async/event.h"
#include "gateway/hand_over.h"
#include "gateway/limits.h"
#include "gateway/questions.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using wire::Json;

namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr auto kWriteTimeout = std::chrono::seconds(30);

}  // namespace

/// One daemon's connection. Tasks of `scope` use it: it is destroyed first.
struct Control::Client {
    Client(Control& c, std::unique_ptr<net::Stream> s)
        : control(c), stream(std::move(s)), filled(c.loop_), scope(c.loop_) {
        control.clients_.push_back(this);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { std::erase(control.clients_, this); }

    void send(const Json& message) {
        outbox += message.dump();
        outbox += '\n';
        filled.pulse();
    }

    Control& control;
    std::unique_ptr<net::Stream> stream;
    bool of_old_name = false;  // Connected before the control socket was renamed.
    std::string outbox;
    async::Event filled;
    async::Scope scope;
};

Result<std::unique_ptr<Control>> Control::open(async::Loop& loop, Service& service,
                                               Predecessors& predecessors,
                                               const std::string& socket_path) {
    SHORE_TRY(const net::Address address, net::Address::unix_path(socket_path));
    SHORE_TRY(auto listener, net::Listener::open(loop, address, {.unix_mode = 0600}));
    return std::unique_ptr<Control>(
        new Control(loop, service, predecessors, socket_path, std::move(listener)));
}

Control::Control(async::Loop& loop, Service& service, Predecessors& predecessors,
                 std::string socket_path, std::unique_ptr<net::Listener> listener)
    : loop_(loop),
      service_(service),
      predecessors_(predecessors),
      socket_path_(std::move(socket_path)),
      taken_over_(loop),
      listener_(std::move(listener)),
      scope_(loop) {
    scope_.spawn(accept());
}

Control::~Control() {
    scope_.stop();
    if (!retired_path_.empty()) {
        std::error_code error;
        std::filesystem::remove(retired_path_, error);
    }
}

Task<void> Control::accept() {
    while (true) {
        auto accepted = co_await listener_->accept();
        if (!accepted || scope_.size() > kControlConnectionsMax) {
            co_await async::sleep_for(loop_, kLinkPauseFirst);
            continue;
        }
        auto stream = net::Stream::open(loop_, std::move(accepted->socket));
        if (stream) {
            scope_.spawn(serve(std::move(*stream)));
        }
    }
}

Task<void> Control::serve(std::unique_ptr<net::Stream> stream) {
    Client client(*this, std::move(stream));
    client.scope.spawn(write_outbox(client));
    co_await read_lines(client);
    client.scope.stop();
    if (successor_ == &client) {
        undo_hand_over();
    }
}

Task<void> Control::write_outbox(Client& client) {
    while (true) {
        while (client.outbox.empty()) {
            co_await client.filled.wait();
        }
        const std::string lines = std::exchange(client.outbox, {});
        if (!co_await client.stream->write_all(lines, Deadline::in(loop_, kWriteTimeout))) {
            [[maybe_unused]] const auto ended = client.stream->shutdown_write();
            co_return;
        }
    }
}

Task<void> Control::read_lines(Client& client) {
    std::string received;
    std::array<char, kReadBytes> piece;
    size_t scanned = 0;
    while (true) {
        const auto got = co_await client.stream->read_some(piece, Deadline::never());
        if (!got || *got == 0 || received.size() + *got > kControlLineMax) {
            co_return;
        }
        received.append(piece.data(), *got);
        size_t begin = 0;
        for (size_t end = received.find('\n', scanned); end != std::string::npos;
             end = received.find('\n', begin)) {
            take_line(client, std::string_view(received).substr(begin, end - begin));
            begin = end + 1;
        }
        received.erase(0, begin);
        scanned = received.size();
    }
}

void Control::take_line(Client& client, std::string_view line) {
    const auto message = Json::parse(line);
    if (!message) {
        client.send(Json::object().set("error", message.error().text()));
        return;
    }
    if (const Json* const snapshot = message->find("snapshot")) {
        auto parsed = model::parse_snapshot(snapshot->dump());
        if (!parsed) {
            client.send(Json::object().set("error", parsed.error().text()));
            return;
        }
        client.scope.spawn(apply(client, std::move(*parsed)));
    } else if (const Json* const instance = message->find("watch_drain")) {
        client.scope.spawn(watch_drain(client, std::string(instance->text())));
    } else if (message->find("metrics") != nullptr) {
        client.scope.spawn(send_metrics(client));
    } else if (message->find("ask") != nullptr) {
        client.scope.spawn(answer(client, *message));
    } else if (message->find("hand_over") != nullptr) {
        client.scope.spawn(hand_over(client));
    } else if (message->find("taken_over") != nullptr && successor_ == &client) {
        complete_hand_over();
    } else {
        client.send(Json::object().set(
            "error", "expected snapshot, watch_drain, metrics, ask, hand_over or taken_over"));
    }
}

Task<void> Control::apply(Client& client, model::Snapshot snapshot) {
    const std::vector<ListenError> errors = co_await service_.apply(snapshot);
    co_await predecessors_.publish(snapshot);
    Json list = Json::array();
    for (const ListenError& error : errors) {
        list.push(Json::object().set("listen", to_text(error.listen)).set("error", error.reason));
    }
    client.send(Json::object().set("ack", service_.version()).set("errors", std::move(list)));
}

Task<void> Control::watch_drain(Client& client, std::string instance) {
    co_await service_.drained(instance);
    co_await predecessors_.drained(instance);
    client.send(Json::object().set("drained", instance));
}

Task<void> Control::answer(Client& client, Json question) {
    const Json number = question["id"];
    auto answered = co_await answer_question(service_, predecessors_, std::move(question));
    if (!answered) {
        client.send(Json::object()
                        .set("id", number)
                        .set("error", answered.error().text())
                        .set("code", to_string(answered.error().code())));
        co_return;
    }
    client.send(Json::object().set("id", number).set("answer", std::move(*answered)));
}

Task<void> Control::hand_over(Client& client) {
    if (!retired_path_.empty()) {
        client.send(Json::object().set("error", "another gateway is taking over already"));
        co_return;
    }
    // The new gateway opens a socket under the old name.
    const std::string path = retired_socket_path(socket_path_, getpid());
    std::error_code error;
    std::filesystem::rename(socket_path_, path, error);
    if (error) {
        client.send(Json::object().set("error", "rename the control socket: " + error.message()));
        co_return;
    }
    retired_path_ = path;
    successor_ = &client;
    for (Client* const each : clients_) {
        each->of_old_name = true;
    }
    const Inherited sockets = co_await service_.copy_listeners();
    if (!co_await send_hand_over(*client.stream, sockets, path,
                                 service_.ticket_keys().save(loop_.now()))) {
        [[maybe_unused]] const auto ended = client.stream->shutdown_write();
    }
}

void Control::complete_hand_over() {
    successor_ = nullptr;
    // Who talked to the old name connects again, to the new gateway.
    for (Client* const client : clients_) {
        if (client->of_old_name) {
            [[maybe_unused]] const auto ended = client->stream->shutdown_write();
        }
    }
    taken_over_.set();
}

/// The new gateway went away before it had taken over.
void Control::undo_hand_over() {
    successor_ = nullptr;
    std::error_code error;
    std::filesystem::rename(std::exchange(retired_path_, {}), socket_path_, error);
}

Task<void> Control::taken_over() {
    co_await taken_over_.wait();
}

Task<void> Control::send_metrics(Client& client) {
    std::string text = co_await service_.metrics();
    text += co_await predecessors_.metrics();
    client.send(Json::object().set("metrics", text));
}

}  // namespace shore::gateway
