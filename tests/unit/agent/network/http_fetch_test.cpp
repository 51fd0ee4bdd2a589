#include "agent/network/http_fetch.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "agent/files/descriptor.h"
#include "agent/loop/asio_loop.h"

namespace vpn::agent {
namespace {

using std::chrono::milliseconds;

// A certificate for 127.0.0.1 by its own key, and the file in which a client finds it.
struct Certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();
  explicit Certificate(long valid_from = -60) {
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_set_version(x509, 2);
    X509_gmtime_adj(X509_getm_notBefore(x509), valid_from);
    X509_gmtime_adj(X509_getm_notAfter(x509), valid_from + 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  void write(const std::string& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, x509);
    std::fclose(file);
  }
};

// Serves one connection with a fixed answer; without an end where it shall never stop.
class Server {
 public:
  explicit Server(std::string answer, const Certificate* certificate = nullptr, bool endless = false)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    socklen_t size = sizeof at;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    ::listen(listener_.get(), 4);
    thread_ =
        std::thread([this, answer = std::move(answer), certificate, endless] { serve(answer, certificate, endless); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }

 private:
  void serve(const std::string& answer, const Certificate* certificate, bool endless) const {
    const Descriptor client(::accept(listener_.get(), nullptr, nullptr));
    if (!client) return;
    std::array<char, 4096> request{};
    if (certificate == nullptr) {
      if (::recv(client.get(), request.data(), request.size(), 0) <= 0) return;
      do {
        if (::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
      } while (endless && !answer.empty());
      if (endless) ::recv(client.get(), request.data(), request.size(), 0);  // until the client goes
      return;
    }
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, certificate->x509);
    SSL_CTX_use_PrivateKey(context, certificate->key);
    SSL* tls = SSL_new(context);
    SSL_set_fd(tls, client.get());
    if (SSL_accept(tls) == 1 && SSL_read(tls, request.data(), request.size()) > 0) {
      SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(tls);
    }
    SSL_free(tls);
    SSL_CTX_free(context);
  }

  Descriptor listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class Fetching : public testing::Test {
 protected:
  ~Fetching() override {
    ::unsetenv("SSL_CERT_FILE");
    std::filesystem::remove(trusted_);
  }
  HttpAnswer get(const std::string& scheme, std::uint16_t port, std::size_t most_body = 0,
                 milliseconds limit = milliseconds(5000), std::vector<policy::Address> before = {}) {
    AsioLoop loop;
    HttpFetch fetch;
    fetch.url = *parse_http_url(scheme + "://127.0.0.1:" + std::to_string(port) + "/");
    fetch.addresses = std::move(before);
    fetch.addresses.push_back(*fetch.url.address);
    fetch.interface = "lo";
    fetch.most_body = most_body;
    fetch.limit = limit;
    HttpAnswer out;
    const auto waiting = http_get(loop, std::move(fetch), [&](HttpAnswer answer) {
      out = std::move(answer);
      loop.stop();
    });
    loop.run();
    return out;
  }
  void trust(const Certificate& certificate) {
    certificate.write(trusted_);
    ::setenv("SSL_CERT_FILE", trusted_.c_str(), 1);
  }

 private:
  std::string trusted_ = testing::TempDir() + "http-fetch-test-" + std::to_string(::getpid()) + ".pem";
};

TEST_F(Fetching, StatusTypeAndBody) {
  const Server server("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
  const HttpAnswer answer = get("http", server.port(), 100);
  EXPECT_EQ(answer.status, 200) << answer.fault;
  EXPECT_EQ(answer.content_type, "text/plain");
  EXPECT_EQ(answer.body, "hello");
}

TEST_F(Fetching, TheNextAddressWhereOneRefuses) {
  const Server server("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(get("http", server.port(), 0, milliseconds(5000), {*policy::Address::parse("127.77.0.1")}).status, 204);
}

TEST_F(Fetching, WhoDoesNotAnswerIsGivenUp) {
  const Server silent("", nullptr, true);
  const auto begin = std::chrono::steady_clock::now();
  const HttpAnswer answer = get("http", silent.port(), 0, milliseconds(300));
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.fault, testing::HasSubstr("in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(2000));
}

TEST_F(Fetching, WhoNeverStopsIsCutOff) {
  const Server fields("HTTP/1.1 200 OK\r\nX: y\r\n", nullptr, true);
  EXPECT_THAT(get("http", fields.port()).fault, testing::HasSubstr("no HTTP"));
  const Server body("HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxxxxxxxx", nullptr, true);
  EXPECT_EQ(get("http", body.port(), 64).body.size(), 64u);
}

TEST_F(Fetching, NobodyThere) {
  std::uint16_t port = 0;
  {
    const Server gone("");
    port = gone.port();
  }
  EXPECT_THAT(get("http", port).fault, testing::HasSubstr("refused"));
}

TEST_F(Fetching, TlsOfACertificateThatIsTrusted) {
  const Certificate certificate;
  trust(certificate);
  const Server server("HTTP/1.1 200 OK\r\n\r\n", &certificate);
  const HttpAnswer answer = get("https", server.port());
  EXPECT_EQ(answer.status, 200) << answer.fault;
}

TEST_F(Fetching, TlsOfACertificateThatIsNot) {
  const Certificate certificate, other;
  trust(other);
  const Server server("HTTP/1.1 200 OK\r\n\r\n", &certificate);
  const HttpAnswer answer = get("https", server.port());
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.fault, testing::HasSubstr("certificate"));
  EXPECT_FALSE(answer.clock);
}

TEST_F(Fetching, ACertificateOfAnotherTimeIsTold) {
  const Certificate certificate(7200);
  trust(certificate);
  const Server server("HTTP/1.1 200 OK\r\n\r\n", &certificate);
  const HttpAnswer answer = get("https", server.port());
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.clock) << answer.fault;
}

}  // namespace
}  // namespace vpn::agent
