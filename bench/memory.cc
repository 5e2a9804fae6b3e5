#include "bench/memory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace millrace::bench {
namespace {

double growth(const std::function<std::unique_ptr<Contestant>()>& make, std::size_t associations) {
  const std::unique_ptr<Contestant> contestant = make();
  contestant->hold(associations / 20);  // what comes once with the first ones does not count
  const double before = resident_bytes();
  contestant->hold(associations);
  return resident_bytes() - before;
}

}  // namespace

double resident_bytes() {
  FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &total, &resident) != 2)
    fail("cannot read /proc/self/statm");
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::vector<double> in_child(std::size_t count, const std::function<std::vector<double>()>& run) {
  int ends[2];
  if (pipe(ends) != 0) fail("pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  const auto size = static_cast<ssize_t>(count * sizeof(double));
  if (child == 0) {
    const std::vector<double> figures = run();
    const bool is_told = figures.size() == count &&
                         write(ends[1], figures.data(), static_cast<std::size_t>(size)) == size;
    _exit(is_told ? 0 : 1);
  }
  close(ends[1]);
  std::vector<double> figures(count);
  const ssize_t received = read(ends[0], figures.data(), static_cast<std::size_t>(size));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (received != size || status != 0) fail("the process that measures has failed");
  return figures;
}

double bytes_per_end(const std::function<std::unique_ptr<Contestant>()>& make,
                     std::size_t associations) {
  const double bytes = in_child(1, [&] { return std::vector{growth(make, associations)}; })[0];
  return bytes / (2.0 * static_cast<double>(associations));
}

}  // namespace millrace::bench
