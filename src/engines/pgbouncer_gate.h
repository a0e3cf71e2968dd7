// PgBouncerGate: the way from the pool to the primary's socket, which can be shut: connections that
// the pool makes while there is no primary wait here instead of failing.
//
// PgBouncer 1.18 tells every client that asks "server login has been failing" from the first failed
// login until one succeeds. PAUSE keeps that from them only until RESUME, and makes it worse: it
// closes the logins under way, which counts as failed. So no login may fail. The pool connects to a
// link, which leads to the primary's socket or, while the gate is shut, to a socket that only
// waits. Between the primary's death and its being noticed connections wait in its own listening
// socket, of which a copy is kept. What has waited is passed on to the next primary, byte by byte,
// for as long as the pool keeps it: a connection for each role and database at most (PgBouncer logs
// in once at a time), until it is recycled.
#pragma once

#include <memory>
#include <string>

#include "async/event.h"
#include "async/scope.h"
#include "net/listener.h"
#include "net/stream.h"

namespace shore::engines {

/// Lives on its loop.
class PgBouncerGate final {
 public:
    /// `directory` is for nothing else; the pool is told it as the server's host.
    PgBouncerGate(async::Loop& loop, std::string directory);

    /// Makes the directory, and is shut.
    Result<void> start();
    /// `path` is the primary's socket. Those who wait go there.
    Result<void> open(const std::string& path);
    /// There is no primary: who comes waits.
    Result<void> shut();
    bool is_open() const { return opened_.is_set(); }

    /// A copy of the primary's listening socket: should it die, who comes before shut() waits
    /// there.
    void keep(os::Fd socket);
    /// It has died: those are served too.
    Result<void> serve_kept();
    /// Without one they are refused, and the pool's clients have to be held by PAUSE.
    void keep_none() { is_tight_ = false; }
    bool is_tight() const { return is_tight_; }

    const std::string& directory() const { return directory_; }
    /// Connections that wait or are passed on.
    size_t passing() const { return serving_.size(); }

 private:
    std::string link_path() const;
    Result<void> lead_to(const std::string& target);
    async::Task<void> accept_all(net::Listener& listener);
    async::Task<void> pass_on(os::Fd socket);

    async::Loop& loop_;
    std::string directory_;
    std::string path_;  ///< The primary's socket.
    std::unique_ptr<net::Listener> waiting_;
    os::Fd kept_;
    std::unique_ptr<net::Listener> dead_;  ///< A dead primary's socket.
    bool is_tight_ = true;
    async::Event opened_;
    async::Scope serving_;
    async::Scope accepting_;
    std::unique_ptr<async::Scope> accepting_dead_;
};

}  // namespace shore::engines
