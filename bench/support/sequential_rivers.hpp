/// Rivers in one thread, on plain arrays: the yardstick of rivers_bench. The same work as the
/// passes do, with the usual sequential means: a stack for basins, sort and union-find for passes,
/// one order of the tree for area and stream power.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace lithify::bench {

class sequential_rivers {
 public:
  sequential_rivers(std::int64_t n, std::vector<double> height)
      : z(std::move(height)),
        n_(n),
        receiver_(z.size()),
        basin_(z.size()),
        order_(z.size()),
        area_(z.size()),
        flux_(z.size()) {}

  std::vector<double> z;  ///< n x n, metres; the rim keeps its height

  /// One step: routing, stream power (K = k dt, n = 1), explicit diffusion (c = kappa dt / dx^2).
  void step(double k_dt, double m, double dx, double c) {
    route();
    cut(k_dt, m, dx);
    diffuse(c);
  }
  void route() {
    descend();
    label();
    carve();
    accumulate();
  }
  [[nodiscard]] const std::vector<std::int32_t>& area() const { return area_; }

 private:
  struct pass {
    double height;
    std::int32_t from, to;
  };

  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] bool rim(std::int64_t x, std::int64_t y) const {
    return x == 0 || y == 0 || x == n_ - 1 || y == n_ - 1;
  }

  void descend() {
    for (std::int64_t y = 0; y < n_; ++y) {
      for (std::int64_t x = 0; x < n_; ++x) {
        const std::int64_t i = x + n_ * y;
        std::int64_t best = i;
        double steepest = 0.0;
        for (int d = 0; d < 9 && !rim(x, y); ++d) {
          const std::int64_t j = i + (d % 3 - 1) + n_ * (d / 3 - 1);
          const double slope = (z[at(i)] - z[at(j)]) * (d % 2 == 0 ? std::sqrt(0.5) : 1.0);
          if (slope > steepest) {
            steepest = slope;
            best = j;
          }
        }
        receiver_[at(i)] = static_cast<std::int32_t>(best);
      }
    }
  }

  void label() {
    pits_ = {-1};
    std::fill(basin_.begin(), basin_.end(), -1);
    std::vector<std::int32_t> way;
    for (std::size_t i = 0; i < z.size(); ++i) {
      auto c = static_cast<std::int32_t>(i);
      way.clear();
      while (basin_[at(c)] < 0 && receiver_[at(c)] != c) {
        way.push_back(c);
        c = receiver_[at(c)];
      }
      if (basin_[at(c)] < 0) {
        if (rim(c % n_, c / n_)) {
          basin_[at(c)] = 0;
        } else {
          basin_[at(c)] = static_cast<std::int32_t>(pits_.size());
          pits_.push_back(c);
        }
      }
      for (const std::int32_t w : way) {
        basin_[at(w)] = basin_[at(c)];
      }
    }
  }

  void carve() {
    std::vector<pass> passes;
    for (std::int64_t i = 0; i + n_ + 1 < static_cast<std::int64_t>(z.size()); ++i) {
      for (const std::int64_t j : {i + 1, i + n_ - 1, i + n_, i + n_ + 1}) {
        if (std::abs(i % n_ - j % n_) <= 1 && basin_[at(i)] != basin_[at(j)]) {
          passes.push_back({std::max(z[at(i)], z[at(j)]), static_cast<std::int32_t>(i),
                            static_cast<std::int32_t>(j)});
        }
      }
    }
    std::sort(passes.begin(), passes.end(),
              [](const pass& a, const pass& b) { return a.height < b.height; });
    std::vector<std::int32_t> set(pits_.size());
    std::iota(set.begin(), set.end(), 0);
    const auto find = [&](std::int32_t b) {
      while (set[at(b)] != b) {
        b = set[at(b)] = set[at(set[at(b)])];
      }
      return b;
    };
    std::vector<std::vector<pass>> tree(pits_.size());
    for (const pass& p : passes) {
      const std::int32_t a = find(basin_[at(p.from)]);
      const std::int32_t b = find(basin_[at(p.to)]);
      if (a != b) {
        set[at(a)] = b;
        tree[at(basin_[at(p.from)])].push_back(p);
        tree[at(basin_[at(p.to)])].push_back({p.height, p.to, p.from});
      }
    }
    std::vector<std::int32_t> stack = {0};
    std::vector<bool> reached(pits_.size(), false);
    reached[0] = true;
    while (!stack.empty()) {
      const std::int32_t b = stack.back();
      stack.pop_back();
      for (const pass& p : tree[at(b)]) {
        const std::int32_t other = basin_[at(p.to)];
        if (reached[at(other)]) {
          continue;
        }
        reached[at(other)] = true;
        stack.push_back(other);
        for (std::int32_t c = p.to, to = p.from;;) {
          const std::int32_t next = std::exchange(receiver_[at(c)], to);
          if (next == c) {
            break;
          }
          to = c;
          c = next;
        }
      }
    }
  }

  void accumulate() {
    std::vector<std::int8_t> donors(z.size(), 0);
    for (std::size_t i = 0; i < z.size(); ++i) {
      area_[i] = 1;
      if (at(receiver_[i]) != i) {
        ++donors[at(receiver_[i])];
      }
    }
    std::size_t end = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      // Down from a leaf as long as nothing else is waited for.
      if (donors[i] != 0) {
        continue;
      }
      for (auto c = static_cast<std::int32_t>(i);;) {
        donors[at(c)] = -1;
        order_[end++] = c;
        const std::int32_t r = receiver_[at(c)];
        if (r == c) {
          break;
        }
        area_[at(r)] += area_[at(c)];
        if (--donors[at(r)] != 0) {
          break;
        }
        c = r;
      }
    }
  }

  void cut(double k_dt, double m, double dx) {
    for (std::size_t k = order_.size(); k-- > 0;) {
      const std::int32_t i = order_[k];
      const std::int32_t r = receiver_[at(i)];
      if (z[at(i)] > z[at(r)]) {
        const bool diagonal = r % n_ != i % n_ && r / n_ != i / n_;
        const double f =
            k_dt * std::pow(area_[at(i)] * dx * dx, m) / (diagonal ? dx * std::sqrt(2.0) : dx);
        z[at(i)] = (z[at(i)] + f * z[at(r)]) / (1.0 + f);
      }
    }
  }

  void diffuse(double c) {
    for (std::int64_t y = 1; y + 1 < n_; ++y) {
      for (std::int64_t i = 1 + n_ * y; i + 1 < n_ * (y + 1); ++i) {
        flux_[at(i)] =
            c * (z[at(i + 1)] + z[at(i - 1)] + z[at(i + n_)] + z[at(i - n_)] - 4.0 * z[at(i)]);
      }
    }
    for (std::int64_t y = 1; y + 1 < n_; ++y) {
      for (std::int64_t i = 1 + n_ * y; i + 1 < n_ * (y + 1); ++i) {
        z[at(i)] += flux_[at(i)];
      }
    }
  }

  std::int64_t n_;
  std::vector<std::int32_t> receiver_, basin_, order_, pits_, area_;
  std::vector<double> flux_;
};

}  // namespace lithify::bench
