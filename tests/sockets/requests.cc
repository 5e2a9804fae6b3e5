#include "tests/sockets/requests.h"

#include <map>
#include <mutex>
#include <vector>

namespace millrace::sockets {
namespace {

using Values = std::map<int, std::uint32_t>;

struct Requests {
  std::mutex mutex;
  Values preset, set, path;
  int count = 0;
  int carried_out = 0;
  int questions = 0;
  int engines = 0;
  std::vector<mr_event> invented;
};

Requests& requests() {
  static Requests all;
  return all;
}

void note(Values Requests::*kind, int parameter, std::uint32_t value) {
  const std::scoped_lock lock(requests().mutex);
  (requests().*kind)[parameter] = value;
  if (kind != &Requests::preset) ++requests().count;
}

std::optional<std::uint32_t> last(Values Requests::*kind, int parameter) {
  const std::scoped_lock lock(requests().mutex);
  const auto found = (requests().*kind).find(parameter);
  if (found == (requests().*kind).end()) return std::nullopt;
  return found->second;
}

}  // namespace

void forget_requests() {
  Requests& all = requests();
  const std::scoped_lock lock(all.mutex);
  all.preset.clear();
  all.set.clear();
  all.path.clear();
  all.count = all.carried_out = all.questions = 0;
}

std::optional<std::uint32_t> preset_value(int parameter) {
  return last(&Requests::preset, parameter);
}
std::optional<std::uint32_t> set_value(int parameter) {
  return last(&Requests::set, parameter);
}
std::optional<std::uint32_t> path_value(int parameter) {
  return last(&Requests::path, parameter);
}
int request_count() {
  const std::scoped_lock lock(requests().mutex);
  return requests().count;
}
int engine_count() {
  const std::scoped_lock lock(requests().mutex);
  return requests().engines;
}
void invent(const mr_event& event) {
  const std::scoped_lock lock(requests().mutex);
  requests().invented.push_back(event);
}
int carried_out_count() {
  const std::scoped_lock lock(requests().mutex);
  return requests().carried_out;
}

int question_count() {
  const std::scoped_lock lock(requests().mutex);
  return requests().questions;
}

extern "C" {

int __real_mr_preset(mr_context* context, int parameter, std::uint32_t value);
int __real_mr_set_parameter(mr_context* context, mr_association association, int parameter,
                            std::uint32_t value);
int __real_mr_set_path_parameter(mr_context* context, mr_association association,
                                 const mr_address* address, int parameter, std::uint32_t value);
int __real_mr_get_status(mr_context* context, mr_association association);
int __real_mr_receive(mr_context* context, mr_event* events, std::size_t max);

int __wrap_mr_preset(mr_context* context, int parameter, std::uint32_t value) {
  const int status = __real_mr_preset(context, parameter, value);
  if (status == 0) note(&Requests::preset, parameter, value);
  return status;
}

int __wrap_mr_set_parameter(mr_context* context, mr_association association, int parameter,
                            std::uint32_t value) {
  const int status = __real_mr_set_parameter(context, association, parameter, value);
  if (status == 0) note(&Requests::set, parameter, value);
  return status;
}

int __wrap_mr_set_path_parameter(mr_context* context, mr_association association,
                                 const mr_address* address, int parameter, std::uint32_t value) {
  const int status = __real_mr_set_path_parameter(context, association, address, parameter, value);
  if (status == 0) note(&Requests::path, parameter, value);
  return status;
}

int __wrap_mr_get_status(mr_context* context, mr_association association) {
  const int status = __real_mr_get_status(context, association);
  const std::scoped_lock lock(requests().mutex);
  if (status == 0) ++requests().questions;
  return status;
}

int __wrap_mr_receive(mr_context* context, mr_event* events, std::size_t max) {
  int count = __real_mr_receive(context, events, max);
  const std::scoped_lock lock(requests().mutex);
  std::vector<mr_event>& invented = requests().invented;
  for (; count >= 0 && static_cast<std::size_t>(count) < max && !invented.empty(); ++count) {
    events[count] = invented.back();
    invented.pop_back();
  }
  for (int i = 0; i < count; ++i) {
    if (events[i].type == MR_EVENT_ENGINE) ++requests().engines;
    if (events[i].type == MR_EVENT_REQUEST_DONE && events[i].status == 0 &&
        events[i].request == MR_REQUEST_SET_PARAMETER)
      ++requests().carried_out;
  }
  return count;
}

}  // extern "C"

}  // namespace millrace::sockets
