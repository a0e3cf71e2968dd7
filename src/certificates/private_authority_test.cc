#include "certificates/private_authority.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "os/directory.h"
#include "os/file.h"
#include "wire/certificate.h"

namespace shore::certificates {
namespace {

class PrivateAuthorityTest : public ::testing::Test {
 protected:
    wire::CertificateFacts read(const Issued& issued) {
        return *wire::read_certificate(*os::read_file(issued.certificate_file, Bytes::mib(1)));
    }

    base::ManualClock clock_;
    os::TemporaryDirectory temporary_ = *os::TemporaryDirectory::create();
    std::string directory_ = temporary_.path();
};

TEST_F(PrivateAuthorityTest, SignsForEveryNameAndKeepsTheKeyToItself) {
    PrivateAuthority authority(directory_ + "/tls", clock_);
    const auto issued =
        authority.certificate({"shop.test", "*.shop.test", "::1"}, Renewal::kWhenDue);
    ASSERT_TRUE(issued) << issued.error().text();
    const auto facts = read(*issued);
    EXPECT_EQ(facts.names, (std::vector<std::string>{"shop.test", "*.shop.test", "::1"}));
    EXPECT_EQ(facts.key, "ECDSA P-256");
    EXPECT_EQ(facts.issuer, wire::read_certificate(*authority.authority_pem())->subject);
    const auto mode = std::filesystem::status(directory_ + "/tls/ca.key").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const std::string pem = *os::read_file(issued->certificate_file, Bytes::mib(1));
    EXPECT_TRUE(wire::check_key(pem, pem));
    EXPECT_FALSE(wire::check_key(pem, *os::read_file(directory_ + "/tls/ca.key", Bytes::mib(1))));
}

TEST_F(PrivateAuthorityTest, KeepsACertificateUntilTwoThirdsOfItsLifeAreOver) {
    PrivateAuthority authority(directory_ + "/tls", clock_);
    ASSERT_TRUE(authority.certificate({"localhost"}, Renewal::kWhenDue)->fresh);
    clock_.advance(std::chrono::days(59));
    EXPECT_FALSE(authority.certificate({"localhost"}, Renewal::kWhenDue)->fresh);
    clock_.advance(std::chrono::days(2));
    EXPECT_TRUE(authority.certificate({"localhost"}, Renewal::kWhenDue)->fresh);
    EXPECT_TRUE(authority.certificate({"localhost"}, Renewal::kNow)->fresh);
}

TEST_F(PrivateAuthorityTest, RenewsWhenAThirdOfALongerLifeIsLeft) {
    PrivateAuthority authority(directory_ + "/tls", clock_,
                               {.file = "engines.pem", .life = kEngineCertificateLife});
    ASSERT_TRUE(authority.certificate({"localhost"}, Renewal::kWhenDue)->fresh);
    clock_.advance(std::chrono::days(243));
    EXPECT_FALSE(authority.certificate({"localhost"}, Renewal::kWhenDue)->fresh);
    clock_.advance(std::chrono::days(1));
    const auto renewed = authority.certificate({"localhost"}, Renewal::kWhenDue);
    EXPECT_TRUE(renewed->fresh);
    EXPECT_EQ(read(*renewed).not_after - clock_.wall_now(), kEngineCertificateLife);
}

TEST_F(PrivateAuthorityTest, SignsAnewForAMissingNameWithTheSameAuthority) {
    PrivateAuthority authority(directory_ + "/tls", clock_);
    ASSERT_TRUE(authority.certificate({"a.test"}, Renewal::kWhenDue));
    const std::string before = *authority.authority_pem();
    EXPECT_TRUE(authority.certificate({"a.test", "b.test"}, Renewal::kWhenDue)->fresh);
    EXPECT_FALSE(authority.certificate({"b.test"}, Renewal::kWhenDue)->fresh);
    EXPECT_EQ(*PrivateAuthority(directory_ + "/tls", clock_).authority_pem(), before);
}

TEST_F(PrivateAuthorityTest, RefusesADamagedAuthorityInsteadOfReplacingIt) {
    PrivateAuthority authority(directory_, clock_);
    ASSERT_TRUE(authority.authority_pem());
    ASSERT_TRUE(os::write_file_atomically(directory_ + "/ca.key", "rubbish", 0600));
    const auto issued = authority.certificate({"a.test"}, Renewal::kWhenDue);
    ASSERT_FALSE(issued);
    EXPECT_NE(issued.error().text().find("remove both"), std::string::npos);
}

}  // namespace
}  // namespace shore::certificates
