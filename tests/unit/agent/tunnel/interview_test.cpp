#include "agent/tunnel/interview.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/control/manual_loop.h"

namespace vpn::agent {
namespace {

using std::chrono::milliseconds;

class InterviewTest : public testing::Test {
 protected:
  const WipedBytes* ask(Question::Kind kind = Question::Kind::password) { return interview_.answer_to({kind, "who?"}); }
  bool say(std::string_view text) { return interview_.answer(interview_.open()->number, wiped(text)); }
  ManualLoop loop_;
  int answered_ = 0, unanswered_ = 0;
  Interview interview_{loop_, {[this] { ++answered_; }, [this] { ++unanswered_; }}};
};

TEST_F(InterviewTest, AnAnswerIsKeptForTheNextConnection) {
  EXPECT_EQ(ask(), nullptr);
  ASSERT_TRUE(interview_.open());
  EXPECT_EQ(interview_.open()->prompt, "who?");
  const std::uint64_t number = interview_.open()->number;
  EXPECT_EQ(ask(), nullptr);
  EXPECT_EQ(interview_.open()->number, number) << "it is the same question";
  EXPECT_TRUE(say("secret"));
  EXPECT_EQ(answered_, 0) << "not from within the call";
  loop_.advance(milliseconds(0));
  EXPECT_EQ(answered_, 1);
  ASSERT_NE(ask(), nullptr);
  EXPECT_EQ(text_of(*ask()), "secret");
  EXPECT_FALSE(interview_.open());
}

TEST_F(InterviewTest, ARefusedAnswerIsAskedForAnewAndSaysSo) {
  ask();
  EXPECT_FALSE(interview_.open()->refused);
  const std::uint64_t first = interview_.open()->number;
  say("wrong");
  interview_.refused(Question::Kind::password);
  EXPECT_EQ(ask(), nullptr);
  EXPECT_TRUE(interview_.open()->refused);
  EXPECT_GT(interview_.open()->number, first);
  EXPECT_FALSE(interview_.answer(first, wiped("late"))) << "an answer to the question before is none to this one";
  say("right");
  interview_.forget(Question::Kind::password);
  ask();
  EXPECT_FALSE(interview_.open()->refused) << "that one was taken";
}

TEST_F(InterviewTest, AQuestionIsWithdrawnAfterAWhile) {
  ask();
  const std::uint64_t number = interview_.open()->number;
  loop_.advance(Interview::patience - milliseconds(1));
  EXPECT_TRUE(interview_.open());
  loop_.advance(milliseconds(1));
  EXPECT_FALSE(interview_.open());
  EXPECT_EQ(unanswered_, 1);
  EXPECT_FALSE(interview_.answer(number, wiped("late")));
}

TEST_F(InterviewTest, AnswersAreForgottenAfterHalfADay) {
  ask();
  say("secret");
  loop_.advance(Interview::keep - milliseconds(1));
  EXPECT_NE(ask(), nullptr);
  loop_.advance(milliseconds(1));
  EXPECT_EQ(ask(), nullptr);
  interview_.forget();
  EXPECT_FALSE(interview_.open());
  loop_.advance(Interview::patience);
  EXPECT_EQ(unanswered_, 0) << "nobody is waiting for it any more";
}

TEST_F(InterviewTest, OneQuestionAtATime) {
  ask(Question::Kind::user);
  ask(Question::Kind::password);
  EXPECT_EQ(interview_.open()->kind, Question::Kind::password);
  interview_.answer_to({Question::Kind::code, std::string(10000, 'x'), true});
  EXPECT_EQ(interview_.open()->prompt.size(), longest_prompt);
  EXPECT_TRUE(interview_.open()->echo);
}

TEST(QuestionText, SaysWhoseItIs) {
  EXPECT_EQ(question_text(Question::Kind::password, "alice", "Office"), "password of alice for Office");
  EXPECT_EQ(question_text(Question::Kind::pin, "", ""), "PIN");
}

TEST(LockedMemory, HoldsWhatIsWiped) {
  lock_secrets(std::size_t{1} << 16);  // another test may have done so
  WipedBytes secret(64, std::byte{7});
  EXPECT_EQ(CRYPTO_secure_allocated(secret.data()), 1);
  const WipedBytes large(std::size_t{1} << 20, std::byte{7});
  EXPECT_EQ(CRYPTO_secure_allocated(large.data()), 0) << "what does not fit is wiped, but not locked";
}

}  // namespace
}  // namespace vpn::agent
