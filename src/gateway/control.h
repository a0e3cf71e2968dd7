// Control: the gateway's end of run/gateway.sock, for daemons that come and go. The protocol is in
// this room's README. Control thread's loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/event.h"
#include "async/scope.h"
#include "gateway/predecessors.h"
#include "gateway/service.h"
#include "net/listener.h"
#include "net/stream.h"
#include "wire/json.h"

namespace shore::gateway {

class Control final {
 public:
    /// Listens on `socket_path` (mode 0600). `service` and `predecessors` outlive it. kConflict
    /// when another gateway answers there.
    static Result<std::unique_ptr<Control>> open(async::Loop& loop, Service& service,
                                                 Predecessors& predecessors,
                                                 const std::string& socket_path);
    /// Ends every connection, and removes the socket's file.
    ~Control();

    /// Completes when another gateway has taken over: the listening sockets are its own now, and
    /// this control socket has the name of a replaced gateway's.
    async::Task<void> taken_over();

 private:
    struct Client;

    Control(async::Loop& loop, Service& service, Predecessors& predecessors,
            std::string socket_path, std::unique_ptr<net::Listener> listener);
    async::Task<void> accept();
    async::Task<void> serve(std::unique_ptr<net::Stream> stream);
    async::Task<void> read_lines(Client& client);
    async::Task<void> write_outbox(Client& client);
    void take_line(Client& client, std::string_view line);
    async::Task<void> apply(Client& client, model::Snapshot snapshot);
    async::Task<void> watch_drain(Client& client, std::string instance);
    async::Task<void> send_metrics(Client& client);
    async::Task<void> answer(Client& client, wire::Json question);
    async::Task<void> hand_over(Client& client);
    void complete_hand_over();
    void undo_hand_over();

    async::Loop& loop_;
    Service& service_;
    Predecessors& predecessors_;
    std::string socket_path_;   // As opened.
    std::string retired_path_;  // Its name while and after handing over; empty before.
    Client* successor_ = nullptr;
    async::Event taken_over_;
    std::vector<Client*> clients_;
    std::unique_ptr<net::Listener> listener_;
    async::Scope scope_;
};

}  // namespace shore::gateway
