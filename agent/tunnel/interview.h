// What a person has to tell before a tunnel can connect: a password, a PIN, a one-time code. A question stands open in
// the status until 'vpnagentctl answer' answers it; the answer is a secret.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/loop/loop.h"
#include "agent/tunnel/wiped.h"

namespace vpn::agent {

struct Question {
  enum class Kind : std::uint8_t { user, password, pin, code, passphrase };
  Kind kind = Kind::password;
  std::string prompt;        ///< for people; may be the server's own words: show it as printable()
  bool echo = false;         ///< what is typed may be seen
  bool refused = false;      ///< the last answer was
  std::uint64_t number = 0;  ///< of this asking: an answer says which one it is for
  friend bool operator==(const Question&, const Question&) = default;
};
std::string_view to_string(Question::Kind kind);

inline constexpr std::size_t longest_answer = 4096;  ///< bytes
inline constexpr std::size_t longest_prompt = 512;   ///< bytes; what is longer is cut

/// The questions and answers of one tunnel, one at a time. Answers are kept for the next connection until they are
/// refused or forgotten, twelve hours at most.
class Interview {
 public:
  struct Handlers {
    std::function<void()> answered;    ///< the open question was: go on. From the loop
    std::function<void()> unanswered;  ///< nobody did within `patience`; the question is withdrawn. From the loop
  };
  static constexpr std::chrono::minutes patience{5};
  static constexpr std::chrono::hours keep{12};

  Interview(Loop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)) {}

  /// The answer; null: there is none yet, and the question is open now (in place of another one). Of `question` only
  /// kind, prompt and echo count.
  const WipedBytes* answer_to(const Question& question);
  /// The last answer was wrong: it is forgotten, and the next question says so.
  void refused(Question::Kind kind);
  void forget(Question::Kind kind);
  void forget();  ///< everything, the open question too

  /// False: that question is not open. The handler follows.
  bool answer(std::uint64_t number, WipedBytes answer);
  const std::optional<Question>& open() const { return open_; }

 private:
  struct Kept {
    WipedBytes answer;
    bool there = false, refused = false;
  };
  Kept& kept(Question::Kind kind) { return kept_[static_cast<std::size_t>(kind)]; }

  Loop& loop_;
  Handlers handlers_;
  std::array<Kept, 5> kept_;
  std::optional<Question> open_;
  std::unique_ptr<Waiting> patience_, keep_, soon_;
};

/// The words of the question, as far as they are ours: "password of alice for Office".
std::string question_text(Question::Kind kind, std::string_view user, std::string_view tunnel);

}  // namespace vpn::agent
