// What a plan says of a run, held against the run.
#include "lithify/engine/run.hpp"
#include "program.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

namespace {

using lithify::engine::read_scenario;
using lithify::test::temporary_folder;
using lithify::test::write_small_world;

/// Adds what a dataset of numbers takes without filters; texts are not counted.
herr_t add_bytes(hid_t file, const char* name, const H5O_info_t* info, void* sum) {
  if (info->type != H5O_TYPE_DATASET) {
    return 0;
  }
  const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  const hid_t type = H5Dget_type(set);
  if (H5Tget_class(type) != H5T_STRING) {
    *static_cast<std::size_t*>(sum) +=
        static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type);
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return 0;
}

std::size_t bytes_in(const std::filesystem::path& checkpoint) {
  std::size_t sum = 0;
  const hid_t file = H5Fopen(checkpoint.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, add_bytes, &sum, H5O_INFO_BASIC), 0);
  H5Fclose(file);
  return sum;
}

// Of a world of so few voxels the view shows each: it is half of the file.
TEST(plan, says_how_large_a_checkpoint_is) {
  const temporary_folder folder;
  for (const auto& [edge, most] : {std::pair(16, 1.1), std::pair(60, 1.1), std::pair(200, 2.0)}) {
    const std::string scenario = write_small_world(folder, edge, edge);
    const std::string out = (folder / std::to_string(edge)).string();
    ASSERT_EQ(lithify::test::lithify({"run", scenario, "--steps", "0", "--out", out, "--device",
                                      "cpu", "--progress", "never"})
                  .code,
              0);
    const auto real =
        static_cast<double>(bytes_in(std::filesystem::path(out) / "checkpoint-00000000.h5"));
    const auto told = static_cast<double>(
        lithify::engine::plan(read_scenario(scenario, std::vector<std::string>{}))
            .checkpoint_bytes);
    EXPECT_GT(told, real / 1.1) << edge;
    EXPECT_LT(told, real * most) << edge << ": at most so much of the view";
  }
}

}  // namespace
