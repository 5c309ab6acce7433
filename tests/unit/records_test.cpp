// What a run's series is drawn as.
#include "records.hpp"

#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace lithify::engine {
namespace {

class silent_observer : public run_observer {
 public:
  void note(const std::string& /*text*/) override {}
  void warn(const std::string& /*text*/) override {}
  run_request after_step(const run_progress& /*progress*/) override { return run_request::go_on; }
};

/// The picture of a series of these rows, as a run that goes on at step 20 takes them up.
io::image drawn(const std::string& rows) {
  const test::temporary_folder folder;
  std::ofstream(folder / "series.csv")
      << "step,time_yr,lowest_m,mean_m,highest_m,relief_m,mean_erosion_m_per_yr,in_quanta,"
         "out_quanta,exported_quanta,edited_quanta,stored_quanta,residual_quanta\n"
      << rows;
  scenario s;
  s.series_every = 10;
  silent_observer nobody;
  run_messages messages(nobody);
  return run_records(s, folder.path(), 20, 20, messages).draw_series();
}

TEST(series, elevations_far_apart_show_how_they_change) {
  io::image picture = drawn(
      "10,5000,315.0,1227.6,2295.0,1980.0,0.00013,0,0,0,0,0,0\n"
      "20,10000,315.0,1247.6,2305.0,1990.0,0.00012,0,0,0,0,0,0\n");
  constexpr io::rgba brown = {150, 104, 40, 255};
  std::int64_t top = picture.height, bottom = 0;
  for (std::int64_t y = 40; y < 222; ++y) {  // inside the first chart's frame
    for (std::int64_t x = 111; x < 919; ++x) {
      if (picture.at(x, y) == brown) {
        top = std::min(top, y);
        bottom = std::max(bottom, y);
      }
    }
  }
  EXPECT_GT(bottom - top, 80) << "10 m beside the 20 m of the mean";
}

TEST(series, without_rows_it_is_drawn_too) { EXPECT_EQ(drawn("").height, 4 * 300); }

}  // namespace
}  // namespace lithify::engine
