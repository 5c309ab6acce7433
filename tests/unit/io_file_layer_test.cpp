// Replacing a file: whichever call fails, the old or the new content is there, whole, and no
// temporary file is left.
#include "file_layer.hpp"
#include "io_test_support.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace lithify::io {
namespace {

using test::error_of;

// Lets call number `failing` fail with `code`; writes take at most `piece` bytes.
class faulty : public file_system {
 public:
  faulty(int failing, int code, std::size_t piece)
      : failing_(failing), code_(code), piece_(piece) {}

  int open(const char* path, int flags, unsigned mode) override {
    return fails() ? -1 : file_system::open(path, flags, mode);
  }
  ssize_t write(int descriptor, const void* data, std::size_t size) override {
    return fails() ? -1 : file_system::write(descriptor, data, std::min(size, piece_));
  }
  int truncate(int descriptor) override { return fails() ? -1 : file_system::truncate(descriptor); }
  int sync(int descriptor) override { return fails() ? -1 : file_system::sync(descriptor); }
  int rename(const char* from, const char* to) override {
    return fails() ? -1 : file_system::rename(from, to);
  }

  [[nodiscard]] int calls() const { return calls_; }

 private:
  bool fails() {
    if (calls_++ == failing_) {
      errno = code_;
      return true;
    }
    return false;
  }

  int failing_;
  int code_;
  std::size_t piece_;
  int calls_ = 0;
};

std::string replace(const std::filesystem::path& file,
                    const std::string& text,
                    file_system& system) {
  const auto bytes = std::as_bytes(std::span(text));
  const std::array pieces = {bytes.first(bytes.size() / 3), bytes.subspan(bytes.size() / 3)};
  return replace_file(file, pieces, system);
}

const std::string old_text(5000, 'o');
const std::string new_text(7000, 'n');

TEST(file_layer, short_writes_and_interruptions_are_carried_on) {
  const test::scratch_folder folder;
  faulty pieces(-1, 0, 100);
  replace(folder / "a", new_text, pieces);
  EXPECT_EQ(test::read_all(folder / "a"), new_text);
  for (int k = 2; k < 20; ++k) {  // calls 0 and 1 open and truncate
    faulty interrupted(k, EINTR, 1000);
    replace(folder / "a", old_text, interrupted);
    EXPECT_EQ(test::read_all(folder / "a"), old_text);
    if (k > 6) {
      break;
    }
  }
}

TEST(file_layer, any_failing_call_leaves_a_whole_file) {
  const test::scratch_folder folder;
  faulty counting(-1, 0, 1000);
  replace(folder / "a", new_text, counting);
  const int calls = counting.calls();
  ASSERT_GT(calls, 10);
  for (const int code : {EIO, ENOSPC, EDQUOT, EACCES}) {
    for (int k = 0; k < calls; ++k) {
      test::write_all(folder / "a", old_text);
      faulty system(k, code, 1000);
      if (k == calls - 4 && code != ENOSPC && code != EDQUOT) {
        EXPECT_NE(replace(folder / "a", new_text, system), "");  // a sync that is made up for
        continue;
      }
      const auto e = error_of([&] { replace(folder / "a", new_text, system); });
      ASSERT_TRUE(e.has_value()) << "call " << k;
      EXPECT_EQ(e->code(),
                code == ENOSPC || code == EDQUOT ? errc::out_of_space : errc::io_failure);
      EXPECT_NE(std::string(e->what()).find(std::strerror(code)), std::string::npos) << e->what();
      const std::string found = test::read_all(folder / "a");
      // Only the folder's open and sync come after the rename.
      EXPECT_EQ(found, k >= calls - 2 ? new_text : old_text) << "call " << k;
      EXPECT_EQ(folder.files(), 1U) << "call " << k;
    }
  }
}

// Files whose first `failing` syncs fail. Linux says EIO once and calls the next fsync of the same
// descriptor a success though the pages are gone.
class losing : public file_system {
 public:
  explicit losing(int failing) : failing_(failing) {}

  int open(const char* path, int flags, unsigned mode) override {
    opened_ += (flags & O_CREAT) != 0 ? 1 : 0;
    return file_system::open(path, flags, mode);
  }
  int sync(int descriptor) override {
    struct stat status {};
    EXPECT_EQ(::fstat(descriptor, &status), 0);
    if (S_ISDIR(status.st_mode)) {
      return file_system::sync(descriptor);
    }
    EXPECT_NE(descriptor, failed_) << "a descriptor that failed to sync is synced again";
    if (failing_-- > 0) {
      failed_ = descriptor;
      errno = EIO;
      return -1;
    }
    return file_system::sync(descriptor);
  }
  int close(int descriptor) override {
    failed_ = descriptor == failed_ ? -1 : failed_;
    return file_system::close(descriptor);
  }
  [[nodiscard]] int opened() const { return opened_; }

 private:
  int failing_;
  int failed_ = -1;
  int opened_ = 0;
};

TEST(file_layer, what_cannot_be_synced_goes_to_a_new_file_and_its_owner_is_told) {
  const test::scratch_folder folder;
  test::write_all(folder / "a", old_text);
  losing never(0);
  EXPECT_EQ(replace(folder / "a", old_text, never), "");
  losing once(1);
  const std::string remark = replace(folder / "a", new_text, once);
  EXPECT_EQ(once.opened(), 2);
  EXPECT_EQ(test::read_all(folder / "a"), new_text);
  EXPECT_NE(remark.find((folder / "a").string()), std::string::npos) << remark;
  EXPECT_NE(remark.find(std::strerror(EIO)), std::string::npos) << remark;
  EXPECT_EQ(remark.find('\n'), std::string::npos);
  losing twice(2);
  const auto e = error_of([&] { replace(folder / "a", old_text, twice); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
  test::expect_one_line(*e, std::strerror(EIO));
  EXPECT_EQ(twice.opened(), 2) << "one new file, no more";
  EXPECT_EQ(test::read_all(folder / "a"), new_text);
  EXPECT_EQ(folder.files(), 1U);
}

TEST(file_layer, a_full_disk_is_one_clear_line) {
  const test::scratch_folder folder;
  checkpoint c = test::sample_checkpoint();
  write_checkpoint(folder / "a.h5", c);
  const std::string old = test::read_all(folder / "a.h5");
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small = {1024, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto e = error_of([&] { write_checkpoint(folder / "a.h5", c); });
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, previous);
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::out_of_space);
  test::expect_one_line(*e, "a.h5");
  EXPECT_EQ(test::read_all(folder / "a.h5"), old);
  EXPECT_EQ(folder.files(), 1U);
}

TEST(file_layer, what_cannot_fit_is_refused_before_a_byte_is_written) {
  class small_disk : public faulty {
   public:
    explicit small_disk(std::uint64_t room) : faulty(-1, 0, 1 << 20), room_(room) {}
    std::uint64_t available(const char*) override { return room_; }

   private:
    std::uint64_t room_;
  };
  const test::scratch_folder folder;
  test::write_all(folder / "a", old_text);
  small_disk short_by_one(new_text.size() - 1);
  const auto e = error_of([&] { replace(folder / "a", new_text, short_by_one); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::out_of_space);
  test::expect_one_line(*e, "room for 6999");
  EXPECT_EQ(short_by_one.calls(), 0);
  EXPECT_EQ(test::read_all(folder / "a"), old_text);
  small_disk enough(new_text.size());
  replace(folder / "a", new_text, enough);
  EXPECT_EQ(test::read_all(folder / "a"), new_text);
  EXPECT_GT(file_system::real().available(folder.path().c_str()), 0U);
  EXPECT_GT(file_system::real().available("/no/such/folder"), std::uint64_t{1} << 62);
}

TEST(file_layer, unwritable_places_are_refused) {
  const test::scratch_folder folder;
  test::write_all(folder / "file", "x");
  for (const std::filesystem::path& target :
       {folder / "missing" / "a.h5", folder / "file" / "a.h5", std::filesystem::path("/proc/a.h5"),
        folder.path() / ""}) {
    const auto e = error_of([&] { write_checkpoint(target, test::sample_checkpoint()); });
    ASSERT_TRUE(e.has_value()) << target;
    EXPECT_EQ(e->code(), errc::io_failure) << e->what();
    EXPECT_EQ(std::string(e->what()).find('\n'), std::string::npos);
  }
  EXPECT_EQ(folder.files(), 1U);
  // A folder under the file's own name.
  std::filesystem::create_directories(folder / "taken.h5" / "inside");
  const auto e =
      error_of([&] { write_checkpoint(folder / "taken.h5", test::sample_checkpoint()); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
  EXPECT_EQ(folder.files(), 2U);
}

TEST(file_layer, two_writers_of_one_file_are_kept_apart) {
  const test::scratch_folder folder;
  const int other = ::open((folder / "a.tmp").c_str(), O_RDWR | O_CREAT, 0644);
  ASSERT_GE(other, 0);
  ASSERT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0);
  const auto e = error_of([&] { replace(folder / "a", new_text, file_system::real()); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
  EXPECT_NE(std::string(e->what()).find("another process"), std::string::npos);
  ::close(other);
  // What a killed writer left is reused.
  replace(folder / "a", new_text, file_system::real());
  EXPECT_EQ(test::read_all(folder / "a"), new_text);
  EXPECT_EQ(folder.files(), 1U);
}

}  // namespace
}  // namespace lithify::io
