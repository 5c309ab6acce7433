// Uses something that lies in the library, so that linking is tested too.
#include <lithify/base/error.hpp>
#include <lithify/base/philox.hpp>

#include <iostream>

int main() {
  try {
    throw lithify::error(lithify::errc::invalid_argument, "from a user");
  } catch (const lithify::error& e) {
    std::cout << e.what() << ' ' << lithify::random_bits(1, 2, 3, 4) << '\n';
  }
  return 0;
}
