#include "tutti/launch/messages.hpp"

#include "tutti/data/error.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace tutti {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

double number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

// One list of fields a struct serves both directions: `io(name, field)`.
template <class Io>
void fields(Io& io, Hello& m) {
  io("rank", m.rank);
  io("host", m.host);
}
template <class Io>
void fields(Io& io, Assign& m) {
  io("member", m.member);
  io("ranks", m.ranks);
  io("serial", m.serial);
}
template <class Io>
void fields(Io& io, Progress& m) {
  io("member", m.member);
  io("stage", m.stage);
  io("step", m.step);
  io("steps", m.steps);
  io("loss", m.loss);
  io("examples_per_second", m.examples_per_second);
  io("tokens_per_second", m.tokens_per_second);
}
template <class Io>
void fields(Io& io, Done& m) {
  io("member", m.member);
  io("trained", m.trained);
  io("code", m.code);
  io("reason", m.reason);
  io("step", m.step);
  io("steps", m.steps);
  io("last_loss", m.last_loss);
  io("parameters", m.parameters);
  io("layers", m.layers);
  io("training_rows", m.training_rows);
  io("seconds", m.seconds);
  io("ranks", m.ranks);
}
template <class Io>
void fields(Io& io, Stop& m) {
  io("code", m.code);
}

struct Out {
  Json& json;
  template <class T>
  void operator()(const char* name, const T& field) const {
    json[name] = field;
  }
};

struct In {
  const Json& json;
  template <class T>
  void operator()(const char* name, T& field) const {
    if constexpr (std::is_same_v<T, double>) {
      field = number(json.at(name));
    } else {
      field = json.at(name).get<T>();
    }
  }
};

template <std::size_t I = 0>
JobMessage read_as(std::size_t kind, const Json& json) {
  if constexpr (I < std::variant_size_v<JobMessage>) {
    if (kind != I) return read_as<I + 1>(kind, json);
    std::variant_alternative_t<I, JobMessage> out;
    In in{json};
    fields(in, out);
    return out;
  } else {
    throw Error(Code::Internal, "a message of unknown kind " + std::to_string(kind));
  }
}

}  // namespace

std::string to_json(const JobMessage& message) {
  Json json{{"version", kVersion}, {"kind", message.index()}};
  std::visit(
      [&](auto m) {
        Out out{json};
        fields(out, m);
      },
      message);
  // Names of hosts and reasons come from outside: broken UTF-8 must not throw here.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

JobMessage message_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version").get<int>() != kVersion) {
      throw Error(Code::Internal,
                  "a message of version " + json.at("version").dump() + ", expected " +
                      std::to_string(kVersion),
                  "start the same tutti on every host");
    }
    return read_as(json.at("kind").get<std::size_t>(), json);
  } catch (const Json::exception& error) {
    throw Error(Code::Internal, std::string("a broken message: ") + error.what(),
                "start the same tutti on every host");
  }
}

}  // namespace tutti
