// Node and List: an intrusive doubly linked list of things that wait. A node takes itself off
// whatever list it is on when it is destroyed, so a cancelled coroutine leaves nothing behind. One
// thread.
#pragma once

namespace shore::async {

class List;

/// Something that can be made ready: `run` is called by the loop, on its thread, with the node off
/// every list.
class Node {
 public:
    using Run = void (*)(Node&);
    explicit Node(Run run) : run_(run) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node() { unlink(); }

    bool linked() const { return next_ != nullptr; }
    void unlink() {
        if (next_ != nullptr) {
            previous_->next_ = next_;
            next_->previous_ = previous_;
            next_ = previous_ = nullptr;
        }
    }
    void run() { run_(*this); }

 private:
    friend class List;
    Node* next_ = nullptr;
    Node* previous_ = nullptr;
    Run run_;
};

class List final {
 public:
    List() : head_(nullptr) { head_.next_ = head_.previous_ = &head_; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() {
        while (pop_front() != nullptr) {
        }
        head_.next_ = head_.previous_ = nullptr;
    }

    bool empty() const { return head_.next_ == &head_; }
    /// Moves `node` from wherever it is to the end of this list.
    void push_back(Node& node) {
        node.unlink();
        node.previous_ = head_.previous_;
        node.next_ = &head_;
        head_.previous_->next_ = &node;
        head_.previous_ = &node;
    }
    /// Unlinks and returns the first node, or nullptr.
    Node* pop_front() {
        Node* const first = head_.next_;
        if (first == &head_) {
            return nullptr;
        }
        first->unlink();
        return first;
    }
    /// Moves every node of `other` to the end of this list, keeping order.
    void take_all(List& other) {
        while (Node* node = other.pop_front()) {
            push_back(*node);
        }
    }

 private:
    Node head_;
};

}  // namespace shore::async
