// The text parsers and the checkpoint reader on mutated input: each call returns, or throws a typed
// error in one line. Meant to run under the sanitizers; the seed is fixed and printed.
#include "../unit/io_test_support.hpp"
#include "lithify/io/column_model.hpp"
#include "lithify/io/dem.hpp"
#include "lithify/io/strata.hpp"

#include <random>

namespace lithify::io {
namespace {

class mutator {
 public:
  explicit mutator(std::uint64_t seed, std::vector<std::string> words)
      : random_(seed), words_(std::move(words)) {}

  std::string operator()(std::string text) {
    for (std::size_t n = 1 + random_() % 4; n > 0; --n) {
      const std::size_t at = random_() % (text.size() + 1);
      const std::size_t size = std::min<std::size_t>(random_() % 12, text.size() - at);
      switch (random_() % 6) {
        case 0:
          text.erase(at, size);
          break;
        case 1:
          text.insert(at, words_[random_() % words_.size()]);
          break;
        case 2:
          text.replace(at, size, words_[random_() % words_.size()]);
          break;
        case 3:
          text.insert(at, text.substr(random_() % (text.size() + 1), random_() % 30));
          break;
        case 4:
          text.insert(at, 1, static_cast<char>(random_()));
          break;
        default:
          if (at < text.size()) {
            text[at] = static_cast<char>(text[at] ^ (1 << (random_() % 8)));
          }
      }
    }
    return text;
  }

 private:
  std::mt19937_64 random_;
  std::vector<std::string> words_;
};

// Counts what was read, so that a test whose mutations are all refused at once shows.
template <class Read>
int survive(int runs, mutator mutate, const std::string& seed, const Read& read) {
  int accepted = 0;
  for (int i = 0; i < runs; ++i) {
    const std::string text = mutate(seed);
    try {
      read(text);
      ++accepted;
    } catch (const error& e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
      EXPECT_NE(e.code(), errc::internal) << e.what() << "\n" << text;
    }
  }
  return accepted;
}

TEST(io_parsers, ascii_grids) {
  const test::scratch_folder folder;
  const mutator mutate(1, {"nan",
                           "inf",
                           "-",
                           "+",
                           "1e308",
                           "1e999",
                           "-1e-999",
                           "0x10",
                           " ",
                           "\n",
                           "\r",
                           "\t",
                           "ncols",
                           "nrows 0",
                           "cellsize",
                           "dx 1 dy 1",
                           "xllcenter",
                           "nodata_value",
                           "99999999999999999999",
                           "2147483647",
                           "-2147483648",
                           "4294967296",
                           "1,5",
                           "."});
  const int accepted =
      survive(2000, mutate,
              "ncols 4\nnrows 3\nxllcorner 10\nyllcorner 20.5\ncellsize 30\nNODATA_value -9999\n"
              "100 200 300 400\n1.5e2 -9999 7 8\n9 10 11 12\n",
              [&](const std::string& text) {
                test::write_all(folder / "dem.asc", text);
                dem_options options;
                options.nodata = nodata_policy::fill;
                const elevation_grid g = read_dem(folder / "dem.asc", options);
                ASSERT_EQ(g.elevation_m.size(), static_cast<std::size_t>(g.nx * g.ny));
                const material_table materials;
                (void)build_columns(g, default_strata(materials), materials, {});
              });
  EXPECT_GT(accepted, 50);
}

TEST(io_parsers, strata) {
  const material_table materials;
  const mutator mutate(2, {"nan",
                           "inf",
                           "-inf",
                           "1e400",
                           "[[layer]]",
                           "[layer]",
                           "[",
                           "]",
                           "=",
                           "\"",
                           "'''",
                           "#",
                           "{}",
                           "\n",
                           "material",
                           "thickness_m = 1",
                           "dip_deg = 89.99",
                           "at_m = [1, 2]",
                           "\\u0000",
                           "\xff",
                           "1979-05-27",
                           "true",
                           "0x1f",
                           "."});
  elevation_grid grid;
  grid.nx = 2;
  grid.ny = 1;
  grid.elevation_m = {5, 60};
  grid.valid = {1, 1};
  const int accepted = survive(
      20000, mutate,
      "[[layer]]\nmaterial = \"soil\"\nthickness_m = 2\n[[layer]]\nmaterial = \"limestone\"\n"
      "base_elevation_m = 900\ndip_deg = 12\ndip_direction_deg = 225\n[[layer]]\n"
      "material = \"granite\"\n",
      [&](const std::string& text) {
        (void)build_columns(grid, parse_strata(text, "s.toml", materials), materials, {});
      });
  EXPECT_GT(accepted, 100);
}

TEST(io_parsers, checkpoints) {
  const test::scratch_folder folder;
  write_checkpoint(folder / "a.h5", test::sample_checkpoint());
  const std::string whole = test::read_all(folder / "a.h5");
  const mutator mutate(3,
                       {std::string(16, '\0'), "\x89LFY\r\n\x1a\n", "\x89HDF\r\n\x1a\n", "\xff"});
  const int accepted = survive(1000, mutate, whole, [&](const std::string& bytes) {
    if (bytes == whole) {
      throw error(errc::corrupt_file, "the mutation changed nothing");
    }
    test::write_all(folder / "b.h5", bytes);
    (void)read_checkpoint(folder / "b.h5");
  });
  EXPECT_EQ(accepted, 0);
}

}  // namespace
}  // namespace lithify::io
