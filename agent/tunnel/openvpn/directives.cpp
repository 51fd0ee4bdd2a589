#include "agent/tunnel/openvpn/directives.h"

#include <algorithm>
#include <array>
#include <optional>

#include "policy/address.h"
#include "policy/ascii.h"

namespace vpn::agent::openvpn {
namespace {

constexpr std::size_t longest_text = std::size_t{1} << 20, longest_line = 255, most_remotes = 64;

enum class Kind : std::uint8_t {
  pass,    ///< handed to OpenVPN as it is
  flag,    ///< likewise, without arguments
  file,    ///< its value is a file's content; the name of a file is refused
  remote,  ///< host, port, protocol
  ignore,  ///< of no meaning here: the agent does it, or it is for people
};

struct Known {
  std::string_view name;
  Kind kind;
};

// Sorted by name.
constexpr Known known[] = {
    {"allow-compression", Kind::pass},
    {"auth", Kind::pass},
    {"auth-nocache", Kind::flag},
    {"auth-retry", Kind::ignore},
    {"auth-user-pass", Kind::flag},
    {"ca", Kind::file},
    {"cert", Kind::file},
    {"cipher", Kind::pass},
    {"client", Kind::flag},
    {"connect-retry", Kind::ignore},
    {"connect-retry-max", Kind::ignore},
    {"connect-timeout", Kind::pass},
    {"data-ciphers", Kind::pass},
    {"data-ciphers-fallback", Kind::pass},
    {"dev", Kind::pass},
    {"dev-type", Kind::pass},
    {"dhcp-option", Kind::pass},
    {"explicit-exit-notify", Kind::pass},
    {"float", Kind::flag},
    {"fragment", Kind::pass},
    {"hand-window", Kind::pass},
    {"ifconfig-nowarn", Kind::flag},
    {"keepalive", Kind::pass},
    {"key", Kind::file},
    {"key-direction", Kind::pass},
    {"mssfix", Kind::pass},
    {"mute", Kind::ignore},
    {"mute-replay-warnings", Kind::flag},
    {"nobind", Kind::flag},
    {"persist-key", Kind::ignore},
    {"persist-tun", Kind::ignore},
    {"ping", Kind::pass},
    {"ping-exit", Kind::pass},
    {"ping-restart", Kind::pass},
    {"port", Kind::pass},
    {"proto", Kind::pass},
    {"pull", Kind::flag},
    {"pull-filter", Kind::pass},
    {"push-peer-info", Kind::flag},
    {"rcvbuf", Kind::pass},
    {"redirect-gateway", Kind::pass},
    {"redirect-private", Kind::pass},
    {"remote", Kind::remote},
    {"remote-cert-eku", Kind::pass},
    {"remote-cert-tls", Kind::pass},
    {"remote-random", Kind::ignore},
    {"reneg-bytes", Kind::pass},
    {"reneg-sec", Kind::pass},
    {"resolv-retry", Kind::ignore},
    {"route", Kind::pass},
    {"route-ipv6", Kind::pass},
    {"route-metric", Kind::ignore},
    {"route-nopull", Kind::flag},
    {"server-poll-timeout", Kind::pass},
    {"sndbuf", Kind::pass},
    {"static-challenge", Kind::pass},
    {"tls-auth", Kind::file},
    {"tls-cert-profile", Kind::pass},
    {"tls-cipher", Kind::pass},
    {"tls-ciphersuites", Kind::pass},
    {"tls-client", Kind::flag},
    {"tls-crypt", Kind::file},
    {"tls-crypt-v2", Kind::file},
    {"tls-groups", Kind::pass},
    {"tls-timeout", Kind::pass},
    {"tls-version-max", Kind::pass},
    {"tls-version-min", Kind::pass},
    {"topology", Kind::pass},
    {"tran-window", Kind::pass},
    {"tun-mtu", Kind::pass},
    {"verb", Kind::ignore},
    {"verify-x509-name", Kind::pass},
};

const Known* find_known(std::string_view name) {
  const auto found = std::lower_bound(std::begin(known), std::end(known), name,
                                      [](const Known& k, std::string_view n) { return k.name < n; });
  return found != std::end(known) && found->name == name ? found : nullptr;
}

/// The next word; `line` is what follows it.
std::string_view word(std::string_view& line) {
  line = ascii::trimmed(line);
  const auto end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view out = line.substr(0, end);
  line = ascii::trimmed(line.substr(end));
  return out;
}

bool is_word(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || extra.find(c) != std::string_view::npos;
  });
}

bool is_line(std::string_view text) {
  return text.size() <= longest_line &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 0x7f; });
}

/// "remote.1" is the second "remote".
std::string_view without_number(std::string_view key) {
  const auto dot = key.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == key.size()) return key;
  const std::string_view digits = key.substr(dot + 1);
  return std::all_of(digits.begin(), digits.end(), ascii::is_digit) ? key.substr(0, dot) : key;
}

class Reader {
 public:
  Result<Directives> read(const std::vector<Setting>& settings) {
    for (const auto& [key, value] : settings) {
      const std::string_view name = without_number(key);
      const bool whole = ascii::equal_without_case(name, "ovpn") || ascii::equal_without_case(name, "config");
      if (whole ? !file(value) : !setting(name, value)) return tl::unexpected(*fault_);
    }
    if (out_.remotes.empty()) return fail(ErrorKind::invalid_input, "there is no server", "VendorConfig.remote");
    for (Remote& remote : out_.remotes) {
      if (remote.port == 0) remote.port = port_;
    }
    if (protocol_said_) {
      for (std::size_t i = 0; i < out_.remotes.size(); ++i)
        if (!named_protocol_[i]) out_.remotes[i].tcp = tcp_;
    }
    return std::move(out_);
  }

 private:
  bool refuse(std::string_view name, std::string what) {
    // A name that is none may be a secret that was pasted into the wrong place.
    const bool harmless = name.size() <= 40 && is_word(name, "-_");
    std::string where = harmless ? "VendorConfig." + std::string(name) : "VendorConfig";
    fault_ = Error{ErrorKind::invalid_input, std::move(what), std::move(where), {}};
    return false;
  }

  /// A key of VendorConfig.
  bool setting(std::string_view name, std::string_view value) {
    if (value.size() > longest_text) return refuse(name, "the value is longer than a mebibyte");
    if (name.starts_with("vpn-on-demand") || name == "profile" || name == "usr" || name == "autologin")
      return true;  // of the app
    const Known* one = find_known(name);
    if (one == nullptr) return refuse(name, "the agent does not hand this directive to OpenVPN: remove it");
    if (one->kind == Kind::file) return content(*one, value);
    return directive(*one, value == "NOARGS" ? std::string_view() : ascii::trimmed(value));
  }

  /// A whole .ovpn file.
  bool file(std::string_view text) {
    if (text.size() > longest_text) return refuse("ovpn", "the text is longer than a mebibyte");
    while (!text.empty()) {
      std::string_view line = next_line(text);
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      if (line.front() == '<') {
        const std::string_view name = line.substr(1, line.size() < 2 ? 0 : line.size() - 2);
        const Known* one = find_known(name);
        if (line.back() != '>' || one == nullptr || one->kind != Kind::file)
          return refuse(name, "the agent does not hand this inline file to OpenVPN: remove it");
        const std::string end = "</" + std::string(name) + ">";
        const auto at = text.find(end);
        if (at == std::string_view::npos) return refuse(name, "the inline file has no end");
        if (!content(*one, text.substr(0, at))) return false;
        text.remove_prefix(at + end.size());
        continue;
      }
      const std::string_view name = word(line);
      const Known* one = find_known(name);
      if (one == nullptr) return refuse(name, "the agent does not hand this directive to OpenVPN: remove it");
      if (one->kind == Kind::file) return refuse(name, "the file's content has to be in the profile itself");
      if (!directive(*one, line)) return false;
    }
    return true;
  }

  static std::string_view next_line(std::string_view& text) {
    const auto end = text.find('\n');
    const std::string_view line = ascii::trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
  }

  bool directive(const Known& one, std::string_view arguments) {
    if (one.kind == Kind::ignore) return true;
    if (!is_line(arguments)) return refuse(one.name, "one line of at most 255 characters is expected here");
    if (one.kind == Kind::remote) return remote(arguments);
    if (one.kind == Kind::flag && !arguments.empty()) {
      // "auth-user-pass FILE" would have OpenVPN read a file.
      return refuse(one.name, "no argument is expected here");
    }
    if (one.name == "dev" || one.name == "dev-type") {
      if (!arguments.starts_with("tun")) return refuse(one.name, "only a tun can be judged: its packets are IP");
      return true;  // the agent names it
    }
    if (one.name == "proto") return protocol(arguments);
    if (one.name == "port") return ascii::read_number(arguments, port_) || refuse(one.name, "a port is expected here");
    if (one.name == "auth-user-pass") {
      out_.asks_login = true;
      return true;  // OpenVPN is told by the management interface
    }
    if (one.name == "allow-compression" && arguments != "no")
      return refuse(one.name, "compression tells what is encrypted (VORACLE): remove it");
    line(one.name, arguments);
    return true;
  }

  void line(std::string_view name, std::string_view arguments) {
    out_.text.append(name);
    if (!arguments.empty()) out_.text.append(" ").append(arguments);
    out_.text.append("\n");
  }

  /// The content of a file, in the text itself. OpenVPN Connect's profiles write "\n" for the end of a line.
  bool content(const Known& one, std::string_view value) {
    value = ascii::trimmed(value);
    if (value.find("-----BEGIN ") == std::string_view::npos)
      return refuse(one.name, "the file's content has to be in the profile itself");
    if (value.find("</") != std::string_view::npos) return refuse(one.name, "this is no PEM");
    WipedText plain;
    plain.reserve(value.size() + 1);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\' && i + 1 < value.size() && value[i + 1] == 'n') {
        plain += '\n';
        ++i;
      } else if (value[i] == '\n' || (value[i] >= ' ' && value[i] != 0x7f && value[i] != '\\')) {
        plain += value[i];
      } else if (value[i] != '\r' && value[i] != '\t') {
        return refuse(one.name, "this is no PEM");
      }
    }
    out_.text.append("<").append(one.name).append(">\n").append(plain);
    out_.text.append(plain.ends_with('\n') ? "</" : "\n</").append(one.name).append(">\n");
    out_.has_certificate = out_.has_certificate || one.name == "cert";
    out_.has_authority = out_.has_authority || one.name == "ca";
    if (one.name == "key") {
      out_.key_is_locked = plain.find("BEGIN ENCRYPTED PRIVATE KEY") != WipedText::npos ||
                           plain.find("Proc-Type: 4,ENCRYPTED") != WipedText::npos;
    }
    return true;
  }

  bool remote(std::string_view arguments) {
    Remote out;
    const std::string_view host = word(arguments), port = word(arguments), protocol = word(arguments);
    out.host = ascii::lower_case(host);
    out.port = 0;
    const bool address = policy::Address::parse(host).has_value();
    if (host.empty() || host.size() > 253 || (!address && !is_word(host, "-._")) || !arguments.empty() ||
        (!port.empty() && (!ascii::read_number(port, out.port) || out.port == 0)))
      return refuse("remote", "HOST [PORT [PROTOCOL]] is expected here");
    if (out_.remotes.size() == most_remotes) return refuse("remote", "there are more than 64 servers");
    const auto tcp = is_tcp(protocol);
    if (!protocol.empty() && !tcp) return refuse("remote", "udp or tcp is expected here");
    out.tcp = tcp.value_or(false);
    out_.remotes.push_back(std::move(out));
    named_protocol_.push_back(tcp.has_value());
    return true;
  }

  static std::optional<bool> is_tcp(std::string_view text) {
    constexpr std::array<std::string_view, 3> udp{"udp", "udp4", "udp6"};
    constexpr std::array<std::string_view, 6> tcp{"tcp", "tcp4", "tcp6", "tcp-client", "tcp4-client", "tcp6-client"};
    if (std::find(udp.begin(), udp.end(), text) != udp.end()) return false;
    if (std::find(tcp.begin(), tcp.end(), text) != tcp.end()) return true;
    return std::nullopt;
  }

  bool protocol(std::string_view text) {
    const auto tcp = is_tcp(text);
    if (!tcp) return refuse("proto", "udp or tcp is expected here");
    tcp_ = *tcp;
    protocol_said_ = true;
    return true;
  }

  Directives out_;
  std::vector<bool> named_protocol_;
  bool tcp_ = false, protocol_said_ = false;
  std::uint16_t port_ = 1194;
  std::optional<Error> fault_;
};

}  // namespace

Result<Directives> read_directives(const std::vector<Setting>& settings) { return Reader().read(settings); }

}  // namespace vpn::agent::openvpn
