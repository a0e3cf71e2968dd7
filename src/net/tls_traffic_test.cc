#include "net/tls_traffic.h"

#include <gtest/gtest.h>

#include "net/limits.h"
#include "net/tls_record_layer.h"

namespace shore::net {
namespace {

std::string bytes(std::string_view hex) {
    std::string result;
    for (size_t i = 0; i < hex.size(); i += 2) {
        result += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return result;
}

// RFC 8448 section 3: a handshake with TLS_AES_128_GCM_SHA256, and fifty bytes each way behind it.
const std::string kClientSecret =
    bytes("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
const std::string kServerSecret =
    bytes("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
const std::string kPayload = bytes(
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e"
    "2f"
    "3031");
const std::string kClientRecord = bytes(
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e"
    "2b"
    "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
const std::string kServerRecord = bytes(
    "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59"
    "a8"
    "fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d");

/// A server's layer that has sent one ticket, and both directions as its client has them.
struct Pair {
    explicit Pair(uint16_t number = 0x1301) {
        const TlsSuite& suite = *TlsSuite::find(number);
        secrets.suite = number;
        secrets.client.assign(suite.secret_bytes, 'c');
        secrets.server.assign(suite.secret_bytes, 's');
        using Use = TlsTraffic::Use;
        TlsTraffic library(suite, Use::kSeal, secrets.server, 0);
        library.seal(TlsContent::kHandshake, "ticket", {}, tickets);
        layer = TlsRecordLayer::take_over(secrets, tickets);
        to_server = std::make_unique<TlsTraffic>(suite, Use::kSeal, secrets.client, 0);
        to_client = std::make_unique<TlsTraffic>(suite, Use::kOpen, secrets.server, 1);
    }
    /// What the layer makes of bytes from the client.
    std::string open(std::string_view bytes, size_t room = 100'000) {
        std::string in(kTlsReceiveMax * 2, '\0');
        const size_t kept = layer->take_rest(in.data());
        bytes.copy(in.data() + kept, bytes.size());
        std::string out(room, '\0');
        out.resize(layer->open(in.data(), kept + bytes.size(), out.data(), room, answer));
        return out;
    }
    std::string record(TlsContent content, std::string_view plain) {
        std::string text;
        to_server->seal(content, plain, {}, text);
        return text;
    }
    /// The alert that the layer answered with.
    int alert() {
        const auto opened = to_client->open(answer.data(), answer.size());
        return opened && opened->content == TlsContent::kAlert ? opened->plain[1] : -1;
    }

    TlsSecrets secrets;
    std::string tickets;
    std::string answer;
    std::unique_ptr<TlsRecordLayer> layer;
    std::unique_ptr<TlsTraffic> to_server;
    std::unique_ptr<TlsTraffic> to_client;
};

}  // namespace

TEST(TlsTraffic, SealsAndOpensTheRecordsOfRfc8448) {
    const TlsSuite& suite = *TlsSuite::find(0x1301);
    TlsTraffic client(suite, TlsTraffic::Use::kSeal, kClientSecret, 0);
    std::string record;
    ASSERT_TRUE(client.seal(TlsContent::kData, kPayload, {}, record));
    EXPECT_EQ(record, kClientRecord);

    // The server's second one: the first was the ticket. In two pieces, as heads and bodies are.
    TlsTraffic server(suite, TlsTraffic::Use::kSeal, kServerSecret, 1);
    record.clear();
    ASSERT_TRUE(server.seal(TlsContent::kData, kPayload.substr(0, 7), kPayload.substr(7), record));
    EXPECT_EQ(record, kServerRecord);

    TlsTraffic reader(suite, TlsTraffic::Use::kOpen, kClientSecret, 0);
    std::string copy = kClientRecord;
    const auto opened = reader.open(copy.data(), copy.size());
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->content, TlsContent::kData);
    EXPECT_EQ(opened->plain, kPayload);
}

TEST(TlsTraffic, RefusesARecordThatWasChangedOrComesAgain) {
    const TlsSuite& suite = *TlsSuite::find(0x1301);
    for (size_t i = 0; i < kClientRecord.size(); ++i) {
        TlsTraffic reader(suite, TlsTraffic::Use::kOpen, kClientSecret, 0);
        std::string changed = kClientRecord;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(reader.open(changed.data(), changed.size())) << i;
    }
    TlsTraffic reader(suite, TlsTraffic::Use::kOpen, kClientSecret, 0);
    std::string first = kClientRecord;
    std::string second = kClientRecord;
    EXPECT_TRUE(reader.open(first.data(), first.size()));
    EXPECT_FALSE(reader.open(second.data(), second.size()));
}

TEST(TlsTraffic, GoesOnAfterARestAndAKeyUpdateWithEachSuite) {
    for (const uint16_t number : {uint16_t{0x1301}, uint16_t{0x1302}, uint16_t{0x1303}}) {
        const TlsSuite& suite = *TlsSuite::find(number);
        const std::string secret(suite.secret_bytes, 'k');
        TlsTraffic writer(suite, TlsTraffic::Use::kSeal, secret, 0);
        TlsTraffic reader(suite, TlsTraffic::Use::kOpen, secret, 0);
        for (int round = 0; round < 6; ++round) {
            std::string record;
            ASSERT_TRUE(writer.seal(TlsContent::kData, "round", std::to_string(round), record));
            const auto opened = reader.open(record.data(), record.size());
            ASSERT_TRUE(opened);
            EXPECT_EQ(opened->plain, "round" + std::to_string(round));
            if (round % 2 == 0) {
                writer.rest();
                reader.rest();
            } else {
                writer.update();
                reader.update();
            }
        }
    }
    EXPECT_EQ(TlsSuite::find(0x1300), nullptr);
    EXPECT_EQ(TlsSuite::find(0x1304), nullptr);
}

TEST(TlsRecordLayer, TakesOverOnlyWhatTheTicketsProve) {
    const Pair pair;
    EXPECT_TRUE(pair.layer);
    EXPECT_FALSE(TlsRecordLayer::take_over(pair.secrets, {}));
    EXPECT_FALSE(TlsRecordLayer::take_over(pair.secrets, pair.tickets + "\x17"));
    std::string changed = pair.tickets;
    changed.back() = static_cast<char>(changed.back() ^ 1);
    EXPECT_FALSE(TlsRecordLayer::take_over(pair.secrets, changed));
    TlsSecrets others;
    others.suite = 0x1301;
    others.client = pair.secrets.client;
    others.server = pair.secrets.client;
    EXPECT_FALSE(TlsRecordLayer::take_over(others, pair.tickets));
}

TEST(TlsRecordLayer, ReadsTheLibrarysKeyLog) {
    TlsSecrets secrets;
    secrets.take("CLIENT_HANDSHAKE_TRAFFIC_SECRET 00ff 0102");
    secrets.take("CLIENT_TRAFFIC_SECRET_0 00ff 0aFf");
    secrets.take("SERVER_TRAFFIC_SECRET_0 00ff zz");
    EXPECT_EQ(secrets.client, "\x0a\xff");
    EXPECT_EQ(secrets.server, "");
}

TEST(TlsRecordLayer, GivesTheSameBytesHoweverTheyArriveAndFit) {
    Pair source;
    std::string plain;
    std::string wire;
    for (int i = 0; i < 40; ++i) {
        const std::string piece(static_cast<size_t>(i * 37 % 800), static_cast<char>('a' + i % 26));
        plain += piece;
        wire += source.record(TlsContent::kData, piece);
    }
    for (const auto& [piece, room] : {std::pair{1, 100'000}, {7, 5}, {5000, 100}, {100'000, 700}}) {
        Pair pair;
        std::string got;
        for (size_t at = 0; at < wire.size(); at += static_cast<size_t>(piece)) {
            got += pair.open(std::string_view(wire).substr(at, piece), static_cast<size_t>(room));
            while (pair.layer->has_more()) {
                got += pair.open({}, static_cast<size_t>(room));
            }
        }
        EXPECT_EQ(got, plain) << piece << " into " << room;
        EXPECT_EQ(pair.layer->state(), TlsRecordLayer::State::kOpen);
    }
}

TEST(TlsRecordLayer, CutsWhatIsLongIntoRecordsThatTheClientOpens) {
    Pair pair;
    const std::string first(20'000, 'f');
    const std::string second(30'000, 's');
    std::string wire;
    ASSERT_TRUE(pair.layer->seal(first, second, wire));
    std::string got;
    while (!wire.empty()) {
        const size_t size = kTlsHeaderBytes + static_cast<uint8_t>(wire[3]) * size_t{256} +
                            static_cast<uint8_t>(wire[4]);
        const auto opened = pair.to_client->open(wire.data(), size);
        ASSERT_TRUE(opened);
        got += opened->plain;
        wire.erase(0, size);
    }
    EXPECT_EQ(got, first + second);
}

TEST(TlsRecordLayer, FollowsKeyUpdatesAndAnswersOneOfSeveral) {
    Pair pair;
    std::string wire = pair.record(TlsContent::kHandshake, std::string_view("\x18\0\0\1\1", 5));
    pair.to_server->update();
    wire += pair.record(TlsContent::kHandshake, std::string_view("\x18\0\0\1\1", 5));
    pair.to_server->update();
    wire += pair.record(TlsContent::kData, "after");
    EXPECT_EQ(pair.open(wire), "after");
    const auto answered = pair.to_client->open(pair.answer.data(), pair.answer.size());
    ASSERT_TRUE(answered);  // Its size is that of one record.
    EXPECT_EQ(answered->content, TlsContent::kHandshake);
    EXPECT_EQ(answered->plain, std::string_view("\x18\0\0\1\0", 5));
    pair.to_client->update();
    std::string sent;
    ASSERT_TRUE(pair.layer->seal("with the next key", {}, sent));
    EXPECT_TRUE(pair.to_client->open(sent.data(), sent.size()));
}

TEST(TlsRecordLayer, EndsAtCloseNotifyAndIgnoresWhatFollows) {
    Pair pair;
    std::string wire = pair.record(TlsContent::kData, "last");
    wire += pair.record(TlsContent::kAlert, std::string_view("\1\0", 2));
    wire += pair.record(TlsContent::kData, "too late");
    EXPECT_EQ(pair.open(wire), "last");
    EXPECT_EQ(pair.layer->state(), TlsRecordLayer::State::kEnded);
    EXPECT_EQ(pair.answer, "");
}

TEST(TlsRecordLayer, SaysWhyItEndsAConnection) {
    struct Case {
        std::string name;
        std::string wire;
        int alert;
    };
    const auto sealed = [](TlsContent content, std::string_view plain) {
        return Pair().record(content, plain);
    };
    const Case cases[] = {
        {"not protected", bytes("15030300020100"), 20},
        {"forged", "\x17\x03\x03" + std::string("\0\x20", 2) + std::string(32, 'x'), 20},
        {"too long", "\x17\x03\x03\xff\xff" + std::string(100, 'x'), 22},
        {"another handshake message", sealed(TlsContent::kHandshake, "\x01"), 10},
        {"no such type", sealed(static_cast<TlsContent>(99), "x"), 10},
        {"half an alert", sealed(TlsContent::kAlert, "\x01"), 50},
        {"a change of ciphers", sealed(static_cast<TlsContent>(20), "\x01"), 10},
    };
    for (const Case& each : cases) {
        Pair pair;
        EXPECT_EQ(pair.open(each.wire), "") << each.name;
        EXPECT_EQ(pair.layer->state(), TlsRecordLayer::State::kBroken) << each.name;
        EXPECT_EQ(pair.alert(), each.alert) << each.name;
    }
}

}  // namespace shore::net
