#include "agent/proxy/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace vpn::agent::proxy {
namespace {

constexpr unsigned socks_version = 5, login_version = 1;
constexpr unsigned no_login = 0, by_password = 2, none_acceptable = 0xff;
constexpr unsigned type_v4 = 1, type_name = 3, type_v6 = 4;
constexpr std::size_t longest_field = 255;  // a length of one byte

unsigned byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

std::string address_bytes(const policy::Address& a) {
  std::string out;
  if (!a.v6) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(a.v4() >> shift & 0xff);
    return out;
  }
  for (const std::uint64_t half : {a.high, a.low})
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(half >> shift & 0xff);
  return out;
}

policy::Address read_address(std::string_view bytes) {
  const auto number = [&](std::size_t from, std::size_t count) {
    std::uint64_t out = 0;
    for (std::size_t i = from; i < from + count; ++i) out = out << 8 | byte_at(bytes, i);
    return out;
  };
  if (bytes.size() == 4) return policy::Address::from_v4(static_cast<std::uint32_t>(number(0, 4)));
  return policy::Address::from_v6(number(0, 8), number(8, 8));
}

// ATYP, DST.ADDR, DST.PORT.
std::string place_bytes(const Destination& to) {
  std::string out;
  if (!to.host.empty() && to.host.size() <= longest_field) {
    out += static_cast<char>(type_name);
    out += static_cast<char>(to.host.size());
    out += to.host;
  } else {
    out += static_cast<char>(to.address.v6 ? type_v6 : type_v4);
    out += address_bytes(to.address);
  }
  out += static_cast<char>(to.port >> 8);
  out += static_cast<char>(to.port & 0xff);
  return out;
}

// So many bytes follow ATYP, the port included; 0: it is none, or the length of a name is missing.
std::size_t place_size(std::string_view from_type) {
  if (from_type.empty()) return 0;
  switch (byte_at(from_type, 0)) {
    case type_v4:
      return 4 + 2;
    case type_v6:
      return 16 + 2;
    case type_name:
      return from_type.size() < 2 ? 0 : 1 + byte_at(from_type, 1) + 2;
    default:
      return 0;
  }
}

std::string_view reply_text(unsigned code) {
  constexpr std::array<std::string_view, 9> texts{"",
                                                  "general failure",
                                                  "not allowed by its rules",
                                                  "network unreachable",
                                                  "host unreachable",
                                                  "connection refused",
                                                  "expired",
                                                  "it does not do that",
                                                  "it does not know that kind of address"};
  return code < texts.size() ? texts[code] : std::string_view("an unknown error");
}

std::string base64(const Login& login) {
  WipedBytes plain(login.user);
  plain.push_back(static_cast<std::byte>(':'));
  plain.insert(plain.end(), login.password.begin(), login.password.end());
  std::string out(4 * ((plain.size() + 2) / 3) + 1, '\0');
  const int size =
      ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
  out.resize(static_cast<std::size_t>(std::max(size, 0)));
  return out;
}

}  // namespace

Handshake::Handshake(ProxyPlace::Protocol protocol, Request request, const Destination& to,
                     std::shared_ptr<const Login> login)
    : request_(request), to_(to), login_(std::move(login)) {
  if (login_ != nullptr && login_->user.empty()) login_ = nullptr;
  if (protocol == ProxyPlace::Protocol::http) {
    step_ = Step::http;
    const std::string host = !to_.host.empty() ? to_.host
                             : to_.address.v6  ? "[" + to_.address.to_string() + "]"
                                               : to_.address.to_string();
    const std::string place = host + ":" + std::to_string(to_.port);
    add("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n");
    if (login_ != nullptr) {
      std::string secret = base64(*login_);
      add("Proxy-Authorization: Basic ");
      add(secret);
      add("\r\n");
      OPENSSL_cleanse(secret.data(), secret.size());
    }
    add("\r\n");
    return;
  }
  add_byte(socks_version);
  add_byte(login_ != nullptr ? 2 : 1);
  add_byte(no_login);
  if (login_ != nullptr) add_byte(by_password);
}

void Handshake::add(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

Handshake::State Handshake::fail_with(std::string fault, bool refused) {
  fault_ = std::move(fault);
  refused_ = refused;
  step_ = Step::over;
  return State::failed;
}

Handshake::State Handshake::take(std::string_view bytes, std::size_t& used) {
  used = 0;
  if (step_ == Step::over) return fault_.empty() ? State::done : State::failed;
  return step_ == Step::http ? take_http(bytes, used) : take_socks(bytes, used);
}

// Byte by byte: what is behind the empty line is the flow's.
Handshake::State Handshake::take_http(std::string_view bytes, std::size_t& used) {
  while (used < bytes.size()) {
    const auto state = http_.read(bytes.substr(used++, 1));
    if (state == HttpReader::State::reading) continue;
    if (state == HttpReader::State::failed) return fail_with("it does not speak HTTP");
    const int status = http_.status();
    if (status >= 200 && status < 300) {
      step_ = Step::over;
      return State::done;
    }
    if (status == 407) return fail_with("it does not know us (status 407)");
    return fail_with("it refuses (status " + std::to_string(status) + ")", true);
  }
  return State::going_on;
}

// How many bytes the present message has, as far as they tell.
std::size_t Handshake::wanted() const {
  if (step_ != Step::reply) return 2;
  if (in_.size() < 5) return 5;
  return 4 + place_size(std::string_view(in_).substr(3));
}

Handshake::State Handshake::take_socks(std::string_view bytes, std::size_t& used) {
  while (used < bytes.size() || in_.size() >= wanted()) {
    while (in_.size() < wanted() && used < bytes.size()) in_ += bytes[used++];
    if (in_.size() < wanted()) break;
    State state = State::going_on;
    if (step_ == Step::method) {
      state = method_chosen();
    } else if (step_ == Step::login) {
      if (byte_at(in_, 1) != 0) return fail_with("it does not take our user and password");
      ask();
    } else {
      state = replied();
    }
    in_.clear();
    if (state != State::going_on) return state;
  }
  return State::going_on;
}

Handshake::State Handshake::method_chosen() {
  const unsigned method = byte_at(in_, 1);
  if (byte_at(in_, 0) != socks_version) return fail_with("it does not speak SOCKS5");
  if (method == no_login) {
    ask();
    return State::going_on;
  }
  if (method != by_password || login_ == nullptr)
    return fail_with(method == none_acceptable ? "it wants to know who we are, by ways that we do not have"
                                               : "it has chosen what was not offered");
  step_ = Step::login;
  add_byte(login_version);
  for (const WipedBytes* field : {&login_->user, &login_->password}) {
    const std::size_t size = std::min(field->size(), longest_field);
    add_byte(static_cast<unsigned>(size));
    out_.insert(out_.end(), field->begin(), field->begin() + static_cast<std::ptrdiff_t>(size));
  }
  return State::going_on;
}

void Handshake::ask() {
  step_ = Step::reply;
  add_byte(socks_version);
  add_byte(request_ == Request::connect ? 1 : 3);
  add_byte(0);
  add(place_bytes(to_));
}

Handshake::State Handshake::replied() {
  if (byte_at(in_, 0) != socks_version) return fail_with("it does not speak SOCKS5");
  if (const unsigned code = byte_at(in_, 1); code != 0)
    return fail_with("it refuses: " + std::string(reply_text(code)), true);
  const std::string_view place = std::string_view(in_).substr(3);
  const std::size_t size = place_size(place);
  if (size == 0) return fail_with("it does not speak SOCKS5");
  const auto port = static_cast<std::uint16_t>(byte_at(place, size - 1) << 8 | byte_at(place, size));
  if (byte_at(place, 0) != type_name) bound_.emplace(read_address(place.substr(1, size - 2)), port);
  step_ = Step::over;
  return State::done;
}

std::string wrapped(const Destination& to, std::string_view data) {
  std::string out(3, '\0');
  out += place_bytes(to);
  out += data;
  return out;
}

std::optional<Unwrapped> unwrapped(std::string_view datagram) {
  if (datagram.size() < 5 || byte_at(datagram, 2) != 0) return std::nullopt;
  const std::string_view place = datagram.substr(3);
  const std::size_t size = place_size(place);
  if (size == 0 || place.size() < 1 + size) return std::nullopt;
  Unwrapped out;
  out.port = static_cast<std::uint16_t>(byte_at(place, size - 1) << 8 | byte_at(place, size));
  if (byte_at(place, 0) != type_name) out.from = read_address(place.substr(1, size - 2));
  out.data = place.substr(1 + size);
  return out;
}

}  // namespace vpn::agent::proxy
