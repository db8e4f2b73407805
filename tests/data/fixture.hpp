#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tutti::test {

/// A folder of this test alone, gone when the test ends.
class Folder {
 public:
  Folder() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(info->test_suite_name()) + "." + info->name();
    for (char& c : name) c = c == '/' ? '_' : c;
    path_ = std::filesystem::temp_directory_path() /
            ("tutti-" + name + "-" + std::to_string(::getpid()));
    std::filesystem::remove_all(path_);
    make_folder(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const Path& path() const { return path_; }
  Path write(const std::string& name, const std::string& bytes) const {
    make_folder((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  Path path_;
};

/// Runs `body`, which has to throw an Error of that code, and gives its text.
template <class Body>
std::string error_of(Code code, Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

/// `rows` (a header and lines of CSV) as a source without validation rows; its last quarter in time
/// is the test part.
inline DataOptions quarter_tested(const Folder& folder, const std::string& rows) {
  folder.write("a.csv", rows);
  DataOptions options;
  options.source = "csv";
  options.path = folder.path().string();
  options.csv.interactions = "a.csv";
  options.split.validation = 0;
  options.split.test = 0.25;
  return options;
}

/// A small source of our own: `users` users and `items` items, `rows` distinct pairs, one a minute;
/// ratings 1 .. 5. Also items.csv (title, year, genres) and users.csv (age, gender).
inline DataOptions small_source(const Folder& folder, int users = 6, int items = 11,
                                int rows = 60) {
  std::string interactions = "user_id,item_id,rating,timestamp\n";
  for (int i = 0; i < rows; ++i) {
    const int user = i % users;
    const int item = (i / users + 3 * user) % items;
    interactions += "u" + std::to_string(user) + ",i" + std::to_string(item) + "," +
                    std::to_string(1 + (7 * i + i / 3) % 5) + "," +
                    std::to_string(1000000 + 60 * i) + "\n";
  }
  std::string item_table = "item_id,title,year,genres\n";
  for (int i = 0; i < items; ++i) {
    item_table += "i" + std::to_string(i) + ",Film " + std::to_string(i) + "," +
                  std::to_string(1990 + i) + "," + (i % 2 == 0 ? "Drama" : "Comedy War") + "\n";
  }
  std::string user_table = "user_id,age,gender\n";
  for (int u = 0; u < users; ++u) {
    user_table += "u" + std::to_string(u) + "," + std::to_string(20 + u) + "," +
                  (u % 2 == 0 ? "F" : "M") + "\n";
  }
  folder.write("interactions.csv", interactions);
  folder.write("items.csv", item_table);
  folder.write("users.csv", user_table);
  DataOptions options;
  options.source = "csv";
  options.path = folder.path().string();
  options.csv.interactions = "interactions.csv";
  options.csv.items = "items.csv";
  options.csv.users = "users.csv";
  return options;
}

}  // namespace tutti::test
