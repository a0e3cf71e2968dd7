// Owned: a unique_ptr to what a C library hands out, freed by that library's own function.
#pragma once

#include <memory>

namespace shore::base {

template <auto Free>
struct Freer {
    void operator()(auto* object) const { Free(object); }
};

/// `Owned<X509, X509_free>`.
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

}  // namespace shore::base
