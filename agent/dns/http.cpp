#include "agent/dns/http.h"

namespace vpn::agent::dns {
namespace {

constexpr std::uint16_t usual_port = 443;

}  // namespace

HttpPlace http_place(const Resolver& resolver, const policy::Address& server) {
  std::string host = resolver.name.empty() ? server.to_string() : resolver.name;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  if (resolver.port != usual_port) host += ":" + std::to_string(resolver.port);
  return {std::move(host), resolver.path};
}

bool is_dns_answer(int status, std::string_view media_type) { return status == 200 && media_type == dns_media_type; }

std::string http_request(const HttpPlace& place, View query) {
  std::string out = "POST " + place.path + " HTTP/1.1\r\nHost: " + place.authority +
                    "\r\nAccept: " + std::string(dns_media_type) + "\r\nContent-Type: " + std::string(dns_media_type) +
                    "\r\nContent-Length: " + std::to_string(query.size()) + "\r\nConnection: close\r\n\r\n";
  out.append(query.begin(), query.end());
  return out;
}

HttpAnswer::State HttpAnswer::take(std::string_view piece, bool ended) {
  HttpReader::State state = reader_.read(piece);
  if (state == HttpReader::State::reading && ended) state = reader_.end();
  const bool other = reader_.status() >= 201;
  if (other || state == HttpReader::State::failed || reader_.length().value_or(0) > largest_message) return State::bad;
  if (state == HttpReader::State::reading) return State::more;
  return is_dns_answer(reader_.status(), reader_.content_type()) && reader_.body().size() <= largest_message
             ? State::whole
             : State::bad;
}

}  // namespace vpn::agent::dns
