// Answers the operator's questions: one JSON object in, one out.
#pragma once

#include <ctime>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "engine/main/engine.h"

namespace millrace {

/// Why a question is not answered, in words for the operator.
struct BadQuestion : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What an lcore has answered; BadQuestion if it has not.
template <class Answer>
Answer answer_of(std::size_t lcore, std::optional<Answer>&& answer) {
  if (!answer) throw BadQuestion("lcore " + std::to_string(lcore) + " does not answer");
  return std::move(*answer);
}

/// A question is {"command": NAME, ...}. An answer is {"ok": true, "result": ...}, or
/// {"ok": false, "error": TEXT}. Anything else that comes is answered with an error. Main thread.
class OperatorDesk {
 public:
  OperatorDesk(Engine& engine, Time started) : engine_(engine), started_(started) {}

  /// The answer to one line; it has no end of line in it.
  std::string answer(std::string_view question);
  /// The clock's last reading, for what depends on time.
  void set_now(Time now) { now_ = now; }

 private:
  nlohmann::json run(const nlohmann::json& question);
  nlohmann::json status();
  nlohmann::json associations(const nlohmann::json& question);
  nlohmann::json counters() const;
  nlohmann::json ports() const;
  nlohmann::json interfaces() const;
  nlohmann::json routes() const;
  nlohmann::json neighbours();
  nlohmann::json applications() const;
  nlohmann::json listeners();
  nlohmann::json lcores() const;
  nlohmann::json limits();
  nlohmann::json abort(const nlohmann::json& question);
  nlohmann::json log_level(const nlohmann::json& question);
  /// Calls `each(lcore, status)` for every association until it says false.
  template <class Each>
  void each_association(Each&& each);
  nlohmann::json local_addresses(std::uint64_t mask) const;

  Engine& engine_;
  Time started_;
  std::time_t started_by_calendar_ = std::time(nullptr);
  Time now_ = started_;
};

/// All counters and sizes in the text format of Prometheus.
std::string render_metrics(const Engine& engine, std::time_t started);

}  // namespace millrace
