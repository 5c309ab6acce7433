// The books of a run: every kind of movement counts, once and with its sign.
#include "accounts.hpp"

#include "lithify/base/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lithify::engine {
namespace {

step_report report_of(int128 edited, pass_budget a, pass_budget b) {
  step_report report;
  report.deltas = 7;
  report.edited = edited;
  report.passes = {std::move(a), std::move(b)};
  return report;
}

TEST(accounts, every_movement_counts_with_its_sign) {
  accounts books(int128{1000});
  EXPECT_EQ(books.residual(1000), 0);
  pass_budget a;
  a.in = 50;
  a.out = 7;
  a.exported = 20;
  pass_budget b;
  b.in = 1;
  b.out = 100;
  b.exported = 3;
  books.add(report_of(-11, a, b));
  books.add(report_of(400, a, b));
  EXPECT_EQ(books.totals().in, 102);
  EXPECT_EQ(books.totals().out, 214);
  EXPECT_EQ(books.totals().exported, 46);
  EXPECT_EQ(books.totals().edited, 389);
  EXPECT_EQ(books.totals().stored_at_start, 1000);
  EXPECT_EQ(books.deltas(), 14);
  EXPECT_EQ(books.residual(1000 + 102 - 214 - 46 + 389), 0);
  EXPECT_EQ(books.residual(1000), 102 - 214 - 46 + 389);
}

TEST(accounts, each_pass_has_a_line_over_all_steps) {
  accounts books(int128{1000});
  pass_budget rivers{.pass = "stream_power"};
  rivers.exported = 20;
  rivers.uphill = 4;
  rivers.contacts = 3;
  rivers.deltas = 9;
  rivers.raised_m = 0.5;
  pass_budget scree{.pass = "talus"};
  scree.substeps = 11;
  scree.capped = 5;
  scree.steep_faces = 7;
  scree.largest_excess_m = 1.5;
  books.add(report_of(0, rivers, scree));
  rivers.in = 1;
  rivers.out = 2;
  scree.steep_faces = 6;
  scree.largest_excess_m = 0.25;
  books.add(report_of(0, scree, rivers));
  ASSERT_EQ(books.passes().size(), 2U);
  const pass_budget& first = books.passes()[0];
  EXPECT_EQ(first.pass, "stream_power");
  EXPECT_EQ(first.in, 1);
  EXPECT_EQ(first.out, 2);
  EXPECT_EQ(first.exported, 40);
  EXPECT_EQ(first.uphill, 8);
  EXPECT_EQ(first.contacts, 6);
  EXPECT_EQ(first.deltas, 18);
  EXPECT_EQ(first.raised_m, 1.0);
  EXPECT_EQ(first.substeps, 2);
  const pass_budget& second = books.passes()[1];
  EXPECT_EQ(second.pass, "talus");
  EXPECT_EQ(second.substeps, 22);
  EXPECT_EQ(second.capped, 10);
  EXPECT_EQ(second.steep_faces, 6) << "what the last step left";
  EXPECT_EQ(second.largest_excess_m, 0.25);
}

TEST(accounts, go_on_from_what_a_checkpoint_carried) {
  accounts books(int128{1000});
  pass_budget a;
  a.in = 50;
  books.add(report_of(0, a, {}));
  accounts carried(books.totals());
  carried.add(report_of(3, a, {}));
  EXPECT_EQ(carried.totals().in, 100);
  EXPECT_EQ(carried.residual(1103), 0);
}

TEST(accounts, one_quantum_is_an_error_that_says_so) {
  const accounts books(int128{1000});
  EXPECT_NO_THROW(books.require_balance(1000, 4));
  for (const int wrong : {1, -1}) {
    try {
      books.require_balance(1000 - wrong, 4);
      FAIL();
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::internal);
      EXPECT_NE(
          std::string(e.what()).find("residual of " + std::to_string(wrong) + " quanta at step 4"),
          std::string::npos)
          << e.what();
    }
  }
}

}  // namespace
}  // namespace lithify::engine
