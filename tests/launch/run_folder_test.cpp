#include "tutti/launch/run_folder.hpp"

#include "tutti/data/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tutti {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::remove_all(base_); }
  void TearDown() override { fs::remove_all(base_); }
  Path base_ = fs::temp_directory_path() / ("tutti-run-folder-" + std::to_string(::getpid()));
};

TEST_F(RunFolderTest, SecondUserIsToldWhoHasIt) {
  const RunFolder first(base_ / "a" / "b", false);
  try {
    const RunFolder second(base_ / "a" / "b", true);
    FAIL() << "locked twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Resumable);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("pid " + std::to_string(::getpid()) + " on "));
  }
}

TEST_F(RunFolderTest, OldRunIsKeptUnlessFresh) {
  { const RunFolder run(base_, false); }
  EXPECT_FALSE(fs::exists(base_)) << "an unused folder is not left behind";
  {
    const RunFolder run(base_, false);
    write_file(base_ / "config.toml", "x");
    write_file(base_ / "run.json", "{}");
  }
  EXPECT_FALSE(fs::exists(base_ / ".lock"));
  try {
    const RunFolder again(base_, false);
    FAIL() << "an old run was taken over";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--fresh"));
  }
  write_file(base_ / "notes.txt", "mine");
  const RunFolder fresh(base_, true);
  EXPECT_FALSE(fs::exists(base_ / "config.toml"));
  EXPECT_TRUE(fs::exists(base_ / "notes.txt")) << "only what a run writes is removed";
}

TEST_F(RunFolderTest, FreshTouchesNoFolderThatARunDidNotMake) {
  make_folder(base_);
  write_file(base_ / "config.toml", "somebody's");
  try {
    const RunFolder run(base_, true);
    FAIL() << "a folder of somebody else was cleared";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
  }
  EXPECT_EQ(read_file(base_ / "config.toml"), "somebody's");
}

TEST_F(RunFolderTest, AbandonLeavesNothing) {
  {
    RunFolder run(base_, false);
    make_folder(base_ / "members" / "a");
    write_file(base_ / "dataset.h5", "x");
    run.abandon();
  }
  EXPECT_FALSE(fs::exists(base_));
}

}  // namespace
}  // namespace tutti
