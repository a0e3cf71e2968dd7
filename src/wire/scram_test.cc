#include "wire/scram.h"

#include <gtest/gtest.h>

namespace shore::wire {
namespace {

// The example of RFC 7677 section 3 has the user's name in its first message, which PostgreSQL's
// protocol leaves out; the vector below is made by PostgreSQL 15 for an empty name.
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

TEST(Scram, DerivesTheSaltedPasswordOfTheRfc) {
    ScramSecret secret("pencil");
    ScramClient client(secret, "rOprNGfwEbeRWgbNEkqO");
    EXPECT_EQ(client.first(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
    const auto answer = client.answer(kServerFirst);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(
        answer->starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="));
    EXPECT_EQ(answer->size(), std::string_view("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIl"
                                               "j)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz"
                                               "7AndVQ=")
                                  .size());
}

TEST(Scram, RefusesAnotherConversationsNonce) {
    ScramSecret secret("pencil");
    ScramClient client(secret, "mine");
    EXPECT_EQ(client.answer("r=yours123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").error().code(),
              ErrorCode::kCorrupt);
    EXPECT_EQ(client.answer("r=mine,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").error().code(),
              ErrorCode::kCorrupt);
}

TEST(Scram, RefusesIterationsThatWouldKeepItBusy) {
    ScramSecret secret("pencil");
    EXPECT_FALSE(secret.salted("salt", 0));
    EXPECT_FALSE(secret.salted("salt", 100'000'000));
}

TEST(Scram, RefusesAServerThatDoesNotKnowThePassword) {
    ScramSecret secret("pencil");
    ScramClient client(secret, "rOprNGfwEbeRWgbNEkqO");
    EXPECT_FALSE(client.verify("v="));
    ASSERT_TRUE(client.answer(kServerFirst));
    EXPECT_EQ(client.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").error().code(),
              ErrorCode::kPermission);
}

}  // namespace
}  // namespace shore::wire
