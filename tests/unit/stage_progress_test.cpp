/// What commands show of their stages, on a stderr that is no terminal.
#include "stage_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace lithify::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

void wait_for(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

template <class F>
std::string shown_by(F&& work) {
  testing::internal::CaptureStderr();
  work();
  return testing::internal::GetCapturedStderr();
}

TEST(stage_progress, shows_nothing_of_short_work_and_never_what_is_not_wanted) {
  EXPECT_EQ(shown_by([] {
              stage_progress progress(progress_mode::automatic, 2);
              progress.begin("one");
              progress.begin("two");
            }),
            "");
  EXPECT_EQ(shown_by([] {
              stage_progress progress(progress_mode::never, 1);
              progress.begin("one");
              wait_for(std::chrono::milliseconds(1200));
            }),
            "");
}

TEST(stage_progress, shows_long_work_as_lines) {
  const std::string shown = shown_by([] {
    stage_progress progress(progress_mode::automatic, 3);
    progress.begin("one");
    wait_for(std::chrono::milliseconds(1200));
    progress.begin("two");
  });
  EXPECT_THAT(shown, MatchesRegex("(stage 1/3, one, 0:00:[0-9]+\n)+stage 2/3, two, 0:00:[0-9]+\n"));
}

TEST(stage_progress, shows_a_bar_where_one_is_asked_for_and_takes_it_off) {
  const std::string shown = shown_by([] {
    stage_progress progress(progress_mode::always, 2);
    progress.begin("one");
    wait_for(std::chrono::milliseconds(350));  // it moves on within a stage
    progress.begin("two");
  });
  const std::string one = "\r\x1b[K[------------------------] stage 1/2, one, ";
  EXPECT_TRUE(shown.starts_with(one)) << shown;
  EXPECT_THAT(shown.substr(1), HasSubstr(one));
  EXPECT_THAT(shown, HasSubstr("\r\x1b[K[############------------] stage 2/2, two, "));
  EXPECT_TRUE(shown.ends_with("\r\x1b[K"));
  EXPECT_THAT(shown, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace lithify::cli
