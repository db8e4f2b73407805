#include "tutti/launch/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tutti {
namespace {

using ::testing::HasSubstr;

TEST(Doctor, DiskOfAFolderThatIsNotYetThere) {
  const Finding good = check_disk("/tmp/not/yet/there", 1);
  EXPECT_TRUE(good.good) << good.found;
  EXPECT_THAT(good.found, HasSubstr("/tmp"));
  const Finding full = check_disk("/tmp", 1e18);
  EXPECT_FALSE(full.good);
  EXPECT_FALSE(full.advice.empty());
}

TEST(Doctor, EmptyCacheSaysWhatToType) {
  const Path folder =
      std::filesystem::temp_directory_path() / ("tutti-doctor-" + std::to_string(::getpid()));
  make_folder(folder);
  const Finding empty = check_cache(folder);
  EXPECT_FALSE(empty.good);
  EXPECT_THAT(finding_text(empty), HasSubstr("type: scripts/setup"));
  make_folder(folder / "models" / "all-MiniLM-L6-v2");
  make_folder(folder / "data" / "ml-100k");
  write_file(folder / "models" / "all-MiniLM-L6-v2" / "model.safetensors", "x");
  EXPECT_THAT(check_cache(folder).found, HasSubstr("ml-100k.inter is missing"));
  write_file(folder / "data" / "ml-100k" / "ml-100k.inter", "x");
  EXPECT_TRUE(check_cache(folder).good);
  std::filesystem::remove_all(folder);
}

TEST(Doctor, MemoryAgainstWhatIsWanted) {
  EXPECT_TRUE(check_memory(1e6).good);
  EXPECT_FALSE(check_memory(1e18).good);
}

}  // namespace
}  // namespace tutti
