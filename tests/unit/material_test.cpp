// The built-in table, what may be added to it, and how much solid a voxel holds.
#include "lithify/base/material.hpp"

#include "lithify/base/error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace {

using namespace lithify;

void expect_refused(material_table& table, const material& m) {
  const std::size_t before = table.size();
  try {
    table.set(m);
    ADD_FAILURE() << "accepted '" << m.name << "'";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
  }
  EXPECT_EQ(table.size(), before);
}

TEST(material, has_the_specified_ids) {
  const material_table table;
  const std::array<const char*, 17> names = {
      "air",  "water",  "soil", "sand", "rock", "granite", "basalt", "limestone", "sandstone",
      "clay", "gravel", "ice",  "snow", "lava", "magma",   "dirt",   "sediment"};
  ASSERT_EQ(table.size(), names.size());
  for (std::size_t id = 0; id < names.size(); ++id) {
    EXPECT_EQ(table[static_cast<material_id>(id)].name, names[id]);
    EXPECT_EQ(table.find(names[id]), static_cast<material_id>(id));
  }
  EXPECT_EQ(table.find("air"), air);
  EXPECT_EQ(table.find("water"), water);
  EXPECT_EQ(table.find("sediment"), sediment);
  EXPECT_FALSE(table.find("Granite").has_value());
  EXPECT_FALSE(table.find("").has_value());
}

TEST(material, solid_is_what_pores_leave) {
  const material_table table;
  EXPECT_EQ(table[air].solid_quanta(), 0);
  EXPECT_EQ(table[water].solid_quanta(), 0);
  EXPECT_EQ(table[sediment].solid_quanta(), 734003);  // 0.7 x 2^20 = 734003.2
  EXPECT_EQ(table[*table.find("lava")].solid_quanta(), 1 << 20);
  EXPECT_EQ(table[*table.find("granite")].solid_quanta(), 1038090);  // 0.99 x 2^20 = 1038090.24
  for (const material& m : table.all()) {
    EXPECT_EQ(m.solid_quanta() == 0, m.kind == material_kind::empty) << m.name;
  }
}

TEST(material, adds_and_replaces_by_name) {
  material_table table;
  EXPECT_EQ(table.set({"till", material_kind::loose, 0.25, 2000, 0, 0}), 17);
  EXPECT_EQ(table.find("till"), 17);
  EXPECT_EQ(table.set({"till", material_kind::consolidated, 0.2, 2100, 3, 0}), 17);
  EXPECT_EQ(table[17].porosity, 0.2);
  EXPECT_EQ(table[17].kind, material_kind::consolidated);
  EXPECT_EQ(table.set({"granite", material_kind::consolidated, 0.02, 2700, 40, 0}), 5);
  EXPECT_EQ(table[5].erosion_resistance, 40);
  EXPECT_EQ(table.size(), 18U);
}

TEST(material, refuses_what_is_not_a_material) {
  material_table table;
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_refused(table, {"", material_kind::loose, 0.1, 1, 0, 0});
  for (const double porosity : {-0.1, 1.0, 1.5, inf, nan}) {
    expect_refused(table, {"x", material_kind::loose, porosity, 1, 0, 0});
    expect_refused(table, {"x", material_kind::empty, porosity, 1, 0, 0});
  }
  expect_refused(table, {"x", material_kind::loose, 0.1, -1, 0, 0});
  expect_refused(table, {"x", material_kind::loose, 0.1, 1, nan, 0});
  expect_refused(table, {"x", material_kind::loose, 0.1, 1, 0, inf});
  for (const double repose : {0.0, 0.99, 89.01, -30.0, inf, nan}) {
    expect_refused(table, {"x", material_kind::loose, 0.1, 1, 0, 0, 1.0, repose});
  }
  for (const double bad : {-1.0, inf, nan}) {
    expect_refused(table, {"x", material_kind::loose, 0.1, 1, 0, 0, bad});
    expect_refused(table, {"x", material_kind::loose, 0.1, 1, 0, 0, 1.0, 30.0, bad});
  }
  expect_refused(table, {"air", material_kind::consolidated, 0.1, 1, 0, 0});
  expect_refused(table, {"sediment", material_kind::empty, 0.1, 1, 0, 0});
  EXPECT_EQ(table[sediment].kind, material_kind::loose);
}

}  // namespace
