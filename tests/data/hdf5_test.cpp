#include "tutti/data/hdf5.hpp"

#include "tutti/data/predictions.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/store.hpp"

#include <hdf5.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using ::testing::HasSubstr;

TEST(Hdf5, BringsBackWhatWasWritten) {
  const Folder folder;
  const Path file = folder.path() / "a.h5";
  const std::vector<double> doubles = {1.0 / 3.0, -0.0, std::numeric_limits<double>::infinity()};
  const std::vector<std::string> texts = {"", "Am\xC3\xA9lie", std::string("nul\0in", 6), ""};
  std::vector<std::int64_t> many(200001);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::int64_t>(i * i);
  {
    Hdf5Writer out;
    out.write<double>("/deep/in/doubles", doubles);
    out.write<std::int64_t>("/many", many);
    out.write<float>("/table", std::vector<float>{1, 2, 3, 4, 5, 6}, 3);
    out.write<std::int32_t>("/none", {});
    out.write_text("/texts", texts);
    out.write_text("/no_texts", {});
    out.group("/empty");
    out.attribute("/", "name", "Zo\xC3\xAB");
    out.attribute("/empty", "nothing", "");
    out.save(file);
  }
  const Hdf5Reader in(file);
  EXPECT_EQ(in.read<double>("/deep/in/doubles"), doubles);
  EXPECT_EQ(in.read<std::int64_t>("/many"), many);
  EXPECT_EQ(in.read<float>("/table"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(in.read<std::int32_t>("/none").empty());
  EXPECT_EQ(in.read_text("/texts"), texts);
  EXPECT_TRUE(in.read_text("/no_texts").empty());
  EXPECT_EQ(in.attribute("/", "name"), "Zo\xC3\xAB");
  EXPECT_EQ(in.attribute("/empty", "nothing"), "");
  EXPECT_TRUE(in.has("/deep/in"));
  EXPECT_FALSE(in.has("/deep/out"));
  EXPECT_FALSE(in.has("/shallow/in"));
}

TEST(Hdf5, ErrorsNameFileAndDataset) {
  const Folder folder;
  const Path file = folder.path() / "a.h5";
  Hdf5Writer out;
  out.write<double>("/x", std::vector<double>{1});
  out.write<std::int64_t>("/wide", std::vector<std::int64_t>{1});
  out.save(file);
  const Hdf5Reader in(file);
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.read<double>("/y"); }),
              AllOf(HasSubstr("a.h5"), HasSubstr("'/y'")));
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.read<std::int64_t>("/x"); }),
              AllOf(HasSubstr("a.h5: /x"), HasSubstr("integers of at most 8 bytes")));
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.read<std::int32_t>("/wide"); }),
              HasSubstr("a.h5: /wide"));
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.attribute("/", "none"); }), HasSubstr("none"));
}

// A file of somebody else's making may not lead to other files, nor write past a buffer.
TEST(Hdf5, StaysInItsFile) {
  const Folder folder;
  const Path file = folder.path() / "a.h5";
  {
    Hdf5Writer out;
    out.write<double>("/group/x", std::vector<double>{1});
    out.save(folder.path() / "other.h5");
  }
  const hid_t made = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const std::string other = (folder.path() / "other.h5").string();
  H5Lcreate_external(other.c_str(), "/group", made, "/group", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/group", made, "/soft", H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t size = 4;
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(plist, other.c_str(), 0, 32);
  H5Dclose(H5Dcreate2(made, "/outside", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, 8);
  const hid_t attribute = H5Acreate2(made, "four", type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, "aaaaaaaabbbbbbbbccccccccdddddddd");
  H5Aclose(attribute);
  H5Tclose(type);
  H5Pclose(plist);
  H5Sclose(space);
  ASSERT_GE(H5Fclose(made), 0);

  const Hdf5Reader in(file);
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.read<double>("/group/x"); }),
              HasSubstr("a.h5: /group is a link to somewhere else"));
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.attribute("/soft", "x"); }),
              HasSubstr("is a link to somewhere else"));
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.read<double>("/outside"); }),
              HasSubstr("another file"));
  EXPECT_THAT(error_of(Code::Data, [&] { (void)in.attribute("/", "four"); }),
              HasSubstr("not one text of fixed length"));
}

TEST(Hdf5, SaveKeepsTheOldFileWhenItFails) {
  const Folder folder;
  Hdf5Writer out;
  out.write<double>("/x", std::vector<double>{1});
  EXPECT_THAT(error_of(Code::Io, [&] { out.save(folder.path() / "none" / "a.h5"); }),
              HasSubstr("a.h5"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Hdf5, ServesSeveralThreads) {
  const Folder folder;
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::vector<int> good(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Path file = folder.path() / (std::to_string(t) + ".h5");
      for (int i = 0; i < 10; ++i) {
        Hdf5Writer out;
        out.write<std::int32_t>("/x", std::vector<std::int32_t>(1000, t * 100 + i));
        out.save(file);
        const Hdf5Reader in(file);
        good[static_cast<std::size_t>(t)] += in.read<std::int32_t>("/x")[999] == t * 100 + i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, testing::Each(10));
}

// write_file syncs, which is slow and of no use here.
void overwrite(const Path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// Flips one bit at a time; a flipped file has to be refused, or to read as the whole one did.
template <class Read>
void expect_flips_found(const Path& file, int flips, Read read) {
  const std::string whole = read_file(file);
  const std::string content = read(file);
  Random random(7, "flips");
  int refused = 0;
  for (int i = 0; i < flips; ++i) {
    std::string bytes = whole;
    const std::uint64_t bit = random.below(bytes.size() * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    overwrite(file, bytes);
    try {
      EXPECT_EQ(read(file), content) << "bit " << bit << " was flipped and not seen";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::Data) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, flips / 2);
  for (std::size_t size = 0; size < whole.size(); size += 512) {
    overwrite(file, whole.substr(0, size));
    error_of(Code::Data, [&] { read(file); });
  }
}

TEST(Hdf5, StoreFindsEveryFlippedBit) {
  const Folder folder;
  const Path file = folder.path() / "dataset.h5";
  build_store(test::small_source(folder), 1, file);
  expect_flips_found(file, 400, [](const Path& path) {
    const Store store = Store::open(path);
    return store.fingerprint() + std::to_string(store.rows(Part::Train).size());
  });
}

TEST(Hdf5, PredictionsFindEveryFlippedBit) {
  const Folder folder;
  const Path file = folder.path() / "predictions.h5";
  Predictions predictions{"m", "classification", {}, {}};
  for (int i = 0; i < 100; ++i) {
    for (PredictionSet* set : {&predictions.validation, &predictions.test}) {
      set->row.push_back(i);
      set->user.push_back(i / 7);
      set->item.push_back(i % 7);
      set->label.push_back(i % 2);
      set->logits.push_back(0.01F * static_cast<float>(i));
      set->score.push_back(0.005 * i);
    }
  }
  write_predictions(file, predictions);
  expect_flips_found(file, 400, [](const Path& path) {
    const Predictions back = read_predictions(path);
    std::string text = back.member + back.head;
    for (const PredictionSet* set : {&back.validation, &back.test}) {
      for (std::size_t i = 0; i < set->size(); ++i) {
        for (const double value :
             {static_cast<double>(set->row[i]), static_cast<double>(set->user[i]),
              static_cast<double>(set->item[i]), set->label[i],
              static_cast<double>(set->logits.at(i)), set->score[i]}) {
          text += std::to_string(value) + " ";
        }
      }
    }
    return text;
  });
}

TEST(Hdf5, NoObjectKeepsTheTimeAtWhichItWasMade) {
  const Folder folder;
  const Path file = folder.path() / "a.h5";
  Hdf5Writer out;
  out.write<double>("/deep/in/doubles", std::vector<double>{1, 2});
  out.write_text("/texts", std::vector<std::string>{"a"});
  out.group("/empty");
  out.save(file);
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(id, 0);
  int objects = 0;
  const auto check = [](hid_t, const char* name, const H5O_info_t* info, void* count) -> herr_t {
    EXPECT_EQ(info->ctime + info->mtime + info->btime, 0) << name;
    ++*static_cast<int*>(count);
    return 0;
  };
  EXPECT_GE(H5Ovisit(id, H5_INDEX_NAME, H5_ITER_NATIVE, check, &objects), 0);
  EXPECT_GE(objects, 7);
  H5Fclose(id);
}

}  // namespace
}  // namespace tutti
