#include "agent/dns/http.h"

namespace vpn::agent::dns {
namespace {

constexpr std::string_view media_type = "application/dns-message";

}  // namespace

std::string http_request(std::string_view host, std::uint16_t port, std::string_view path, View query) {
  std::string out = "POST " + std::string(path) + " HTTP/1.1\r\nHost: ";
  const bool literal6 = host.find(':') != std::string_view::npos;
  out += literal6 ? "[" + std::string(host) + "]" : std::string(host);
  if (port != 443) out += ":" + std::to_string(port);
  out += "\r\nAccept: " + std::string(media_type) + "\r\nContent-Type: " + std::string(media_type) +
         "\r\nContent-Length: " + std::to_string(query.size()) + "\r\nConnection: close\r\n\r\n";
  out.append(query.begin(), query.end());
  return out;
}

HttpAnswer::State HttpAnswer::take(std::string_view piece, bool ended) {
  HttpReader::State state = reader_.read(piece);
  if (state == HttpReader::State::reading && ended) state = reader_.end();
  // 200 and nothing else: a redirection would lead to a place that no verdict was asked for.
  const bool other = reader_.status() >= 201;
  if (other || state == HttpReader::State::failed || reader_.length().value_or(0) > largest_message) return State::bad;
  if (state == HttpReader::State::reading) return State::more;
  return reader_.status() == 200 && reader_.body().size() <= largest_message ? State::whole : State::bad;
}

}  // namespace vpn::agent::dns
