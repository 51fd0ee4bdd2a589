#include "agent/network/http_fetch.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/files/descriptor.h"
#include "agent/network/socket_address.h"

namespace vpn::agent {
namespace {

constexpr std::size_t most_tried = 4;

struct TlsCloser {
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};

class Fetch final : public Waiting {
 public:
  Fetch(Loop& loop, HttpFetch fetch, std::function<void(HttpAnswer)> callback)
      : loop_(loop), fetch_(std::move(fetch)), callback_(std::move(callback)) {
    start_ = loop_.after(std::chrono::milliseconds(0), [this] { next(); });
    limit_ = loop_.after(fetch_.limit, [this] { finish("it does not answer in time"); });
  }
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
  ~Fetch() override = default;

 private:
  // The next address, or the end.
  void next() {
    start_.reset();
    close();
    if (at_ >= std::min(fetch_.addresses.size(), most_tried))
      return finish(fault_.empty() ? "its name cannot be looked up" : fault_);
    const policy::Address& address = fetch_.addresses[at_++];
    socket_ = Descriptor(::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_storage to{};
    const socklen_t size = socket_address(address, fetch_.url.port, to);
    if (!socket_) return failed("no socket", errno);
    const std::string& name = fetch_.interface;
    if (!name.empty() &&
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_BINDTODEVICE, name.data(), static_cast<socklen_t>(name.size())) != 0)
      return failed("cannot use " + name, errno);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0 && errno != EINPROGRESS)
      return failed("cannot connect", errno);
    // A host that takes nothing must not use up the time of those behind it.
    patience_ = loop_.after(fetch_.limit / 3, [this] { failed("cannot connect", ETIMEDOUT); });
    waiting_ = loop_.writable(socket_.get(), [this] { connected(); });
  }

  void connected() {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
      return failed("cannot connect", error);
    patience_.reset();
    waiting_.reset();
    out_ = http_request(fetch_.url, fetch_.accept);
    if (fetch_.url.tls && !begin_tls()) return finish("TLS cannot be used");
    go_on();
  }

  bool begin_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_default_verify_paths(context_.get()) != 1)
      return false;
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    tls_.reset(SSL_new(context_.get()));
    if (!tls_ || SSL_set_fd(tls_.get(), socket_.get()) != 1) return false;
    SSL_set_connect_state(tls_.get());
    const char* host = fetch_.url.host.c_str();
    if (fetch_.url.address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host) == 1;
    SSL_set_hostflags(tls_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // What SSL_set_tlsext_host_name() is, without its cast.
    return SSL_set1_host(tls_.get(), host) == 1 &&
           SSL_ctrl(tls_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name_.data()) == 1;
  }

  void go_on() {
    while (!out_.empty()) {
      const int n = send();
      if (n <= 0) return wait_or_fail(n, true);
      out_.erase(0, static_cast<std::size_t>(n));
    }
    // In turns: a server that never stops has the loop for one buffer at a time.
    const int n = receive();
    if (n < 0) return wait_or_fail(n, false);
    const HttpReader::State state =
        n == 0 ? reader_.end() : reader_.read({buffer_.data(), static_cast<std::size_t>(n)});
    if (state == HttpReader::State::done) return finish({});
    if (state == HttpReader::State::failed) return finish("its answer is no HTTP");
    wait(false);
  }

  int send() {
    ERR_clear_error();
    if (tls_) return SSL_write(tls_.get(), out_.data(), static_cast<int>(out_.size()));
    return static_cast<int>(::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL));
  }

  // 0: the end.
  int receive() {
    ERR_clear_error();
    if (!tls_) return static_cast<int>(::recv(socket_.get(), buffer_.data(), buffer_.size(), 0));
    const int n = SSL_read(tls_.get(), buffer_.data(), static_cast<int>(buffer_.size()));
    if (n > 0) return n;
    return SSL_get_error(tls_.get(), n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }

  void wait_or_fail(int result, bool writing) {
    if (!tls_) {
      if (errno == EAGAIN || errno == EINTR) return wait(writing);
      return failed("the connection breaks", errno);
    }
    const int reason = SSL_get_error(tls_.get(), result);
    if (reason == SSL_ERROR_WANT_READ) return wait(false);
    if (reason == SSL_ERROR_WANT_WRITE) return wait(true);
    const long verified = SSL_get_verify_result(tls_.get());
    if (verified == X509_V_OK) return failed("TLS fails", 0);
    answer_.clock = verified == X509_V_ERR_CERT_NOT_YET_VALID || verified == X509_V_ERR_CERT_HAS_EXPIRED;
    finish(std::string("its certificate: ") + X509_verify_cert_error_string(verified));
  }

  void wait(bool writing) {
    if (tls_ && !writing && SSL_pending(tls_.get()) > 0) {  // no event will tell of what is read already
      start_ = loop_.after(std::chrono::milliseconds(0), [this] { go_on(); });
      waiting_.reset();
      return;
    }
    const auto then = [this] { go_on(); };
    waiting_ = writing ? loop_.writable(socket_.get(), then) : loop_.readable(socket_.get(), then);
  }

  void failed(const std::string& what, int error) {
    fault_ = error == 0 ? what : what + ": " + std::strerror(error);
    // Not from within whoever called: another address is another turn.
    close();
    start_ = loop_.after(std::chrono::milliseconds(0), [this] { next(); });
  }

  void finish(std::string fault) {
    close();
    start_.reset();
    limit_.reset();
    answer_.fault = std::move(fault);
    if (answer_.fault.empty()) {
      answer_.status = reader_.status();
      answer_.content_type = reader_.content_type();
      answer_.body = reader_.body();
    }
    const auto callback = std::move(callback_);
    callback(std::move(answer_));  // may destroy this
  }

  void close() {
    waiting_.reset();
    patience_.reset();
    tls_.reset();
    context_.reset();
    socket_ = Descriptor();
  }

  Loop& loop_;
  HttpFetch fetch_;
  std::function<void(HttpAnswer)> callback_;
  HttpReader reader_{fetch_.most_body};
  HttpAnswer answer_;
  std::string out_, fault_, name_{fetch_.url.host};
  std::array<char, 8192> buffer_{};
  std::size_t at_ = 0;
  Descriptor socket_;
  std::unique_ptr<SSL_CTX, TlsCloser> context_;
  std::unique_ptr<SSL, TlsCloser> tls_;
  std::unique_ptr<Waiting> start_, limit_, patience_, waiting_;
};

}  // namespace

std::unique_ptr<Waiting> http_get(Loop& loop, HttpFetch fetch, std::function<void(HttpAnswer)> callback) {
  return std::make_unique<Fetch>(loop, std::move(fetch), std::move(callback));
}

}  // namespace vpn::agent
