#include "tutti/train/safetensors.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace tutti {
namespace {

using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  SafetensorsTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("tutti_safetensors_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~SafetensorsTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Path file() const { return folder_ / "model.safetensors"; }

  void write_raw(const std::string& header, const std::string& data) const {
    std::uint64_t size = header.size();
    std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
    write_file(file(), bytes + header + data);
  }

  Path folder_;
};

std::string failure(const std::string& header, std::uint64_t data_bytes) {
  try {
    parse_safetensors_header(header, data_bytes, "f.safetensors");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Data);
    return error.what();
  }
  return "accepted";
}

std::string one(const std::string& fields) { return R"({"w": {)" + fields + "}}"; }

TEST_F(SafetensorsTest, RoundTripAndTheSameBytes) {
  const at::Tensor a = at::arange(6, at::kFloat).view({2, 3});
  const at::Tensor b = at::scalar_tensor(3.5F);
  write_safetensors(file(), {{"z", a}, {"a", b}, {"empty", at::empty({0, 4})}});
  const std::string first = read_file(file());
  write_safetensors(file(), {{"empty", at::empty({0, 4})}, {"a", b}, {"z", a}});
  EXPECT_EQ(read_file(file()), first);
  const auto opened = SafetensorsFile::open(file());
  ASSERT_EQ(opened.entries().size(), 3U);
  at::Tensor got = at::empty({2, 3});
  opened.read_into("z", got);
  EXPECT_TRUE(got.equal(a));
  at::Tensor scalar = at::empty({}, at::kFloat);
  opened.read_into("a", scalar);
  EXPECT_EQ(scalar.item<float>(), 3.5F);
  EXPECT_THAT(first, HasSubstr(R"("__metadata__":{"format":"pt"})"));
}

TEST_F(SafetensorsTest, HalfTypesBecomeFp32) {
  const std::uint16_t values[] = {0x3c00, 0x3fc0};  // fp16 1.0, bf16 1.5
  write_raw(R"({"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
            R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]}})",
            std::string(reinterpret_cast<const char*>(values), 4));
  const auto opened = SafetensorsFile::open(file());
  at::Tensor got = at::empty({1}, at::kFloat);
  opened.read_into("h", got);
  EXPECT_EQ(got.item<float>(), 1.0F);
  opened.read_into("b", got);
  EXPECT_EQ(got.item<float>(), 1.5F);
}

TEST_F(SafetensorsTest, WrongShapeTypeOrNameIsSaid) {
  write_raw(R"({"i":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}})", "\1\2\3\4");
  const auto opened = SafetensorsFile::open(file());
  at::Tensor one_value = at::empty({1}, at::kFloat);
  at::Tensor two = at::empty({2}, at::kFloat);
  EXPECT_THROW(opened.read_into("missing", one_value), Error);
  EXPECT_THROW(opened.read_into("i", one_value), Error);
  try {
    opened.read_into("i", two);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("[1], [2] expected"));
  }
}

TEST_F(SafetensorsTest, EveryCutOfAFileIsRefused) {
  write_safetensors(file(), {{"a", at::ones({2})}, {"b", at::ones({3})}});
  const std::string whole = read_file(file());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(file(), whole.substr(0, size));
    EXPECT_THROW(SafetensorsFile::open(file()), Error) << size;
  }
  write_file(file(), whole + "x");
  EXPECT_THROW(SafetensorsFile::open(file()), Error);
}

TEST_F(SafetensorsTest, HeaderLengthIsCheckedBeforeItIsBelieved) {
  std::string bytes(16, '\0');
  const std::uint64_t huge = 1ULL << 62U;
  std::memcpy(bytes.data(), &huge, sizeof huge);
  write_file(file(), bytes);
  try {
    SafetensorsFile::open(file());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(huge)));
  }
}

TEST(SafetensorsHeader, AcceptsPaddingAndMetadata) {
  EXPECT_EQ(failure(R"({"__metadata__":{"format":"pt"},)"
                    R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   )",
                    8),
            "accepted");
}

TEST(SafetensorsHeader, NamesWhatIsWrong) {
  const std::string good = R"("dtype":"F32","shape":[2],)";
  EXPECT_THAT(failure("", 0), HasSubstr("'{'"));
  EXPECT_THAT(failure("[1]", 0), HasSubstr("'{'"));
  EXPECT_THAT(failure(R"({"w":)", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(failure(R"({"w":1,"w":2})", 0), HasSubstr("'w' stands twice"));
  EXPECT_THAT(failure(R"({"__metadata__":{"a":1}})", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(failure(R"({"w":3})", 0), HasSubstr("'w'"));
  EXPECT_THAT(failure(one(R"("dtype":"F32","shape":[2])"), 8), HasSubstr("data_offsets"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[0,8],"x":1)"), 8), HasSubstr("'x'"));
  EXPECT_THAT(failure(one(R"("shape":[2],"data_offsets":[0,8])"), 8), HasSubstr("dtype"));
  EXPECT_THAT(failure(one(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), 8),
              HasSubstr("F31"));
  EXPECT_THAT(failure(one(R"("dtype":"F32","data_offsets":[0,8])"), 8), HasSubstr("shape"));
}

TEST(SafetensorsHeader, Offsets) {
  const std::string good = R"("dtype":"F32","shape":[2],)";
  EXPECT_THAT(failure(one(good + R"("data_offsets":[8,0])"), 8), HasSubstr("reversed"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[-8,0])"), 8), HasSubstr("-8"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[0.0,8.0])"), 8), HasSubstr("0.0"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[0,16])"), 8), HasSubstr("behind the data"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[0,4])"), 8), HasSubstr("needs 8"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[4,12])"), 12), HasSubstr("a hole"));
  EXPECT_THAT(failure(one(good + R"("data_offsets":[0,8])"), 9), HasSubstr("9 bytes of data"));
  EXPECT_THAT(failure(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                      6),
              HasSubstr("an overlap"));
}

TEST(SafetensorsHeader, DeepNestingAndHugeNumbersAreRefused) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(failure(R"({"w":)" + deep, 0), HasSubstr("nested too deeply"));
  EXPECT_THAT(failure(R"({"w":1e999})", 0), HasSubstr("too large"));
}

// Whatever a byte is changed to, the header is accepted or refused with an Error.
TEST(SafetensorsHeader, ChangedBytesNeverDoWorse) {
  const std::string good =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})";
  ASSERT_EQ(failure(good, 32), "accepted");
  Random random(1, "fuzz");
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int change = 0; change < 1 + round % 3; ++change) {
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    }
    refused += failure(text, 32) == "accepted" ? 0 : 1;
  }
  EXPECT_GT(refused, 2000);
}

TEST(SafetensorsHeader, ShapesThatOverflow) {
  const auto shape = [](const std::string& text) {
    return failure(one(R"("dtype":"F32","shape":)" + text + R"(,"data_offsets":[0,0])"), 0);
  };
  // The product of these is 2^64 times a little: it wraps to something small.
  EXPECT_THAT(shape("[4194305,4194305,211106198978564]"), HasSubstr("overflows"));
  EXPECT_THAT(shape("[9223372036854775808]"), HasSubstr("overflows"));
  EXPECT_THAT(shape("[0,9223372036854775807,9223372036854775807]"), HasSubstr("overflows"));
  EXPECT_THAT(shape("[-1]"), HasSubstr("-1"));
  EXPECT_THAT(shape("[1e3]"), HasSubstr("1000.0"));
  EXPECT_THAT(shape("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0]"), HasSubstr("18 dimensions"));
  EXPECT_EQ(shape("[3,0]"), "accepted");
}

}  // namespace
}  // namespace tutti
