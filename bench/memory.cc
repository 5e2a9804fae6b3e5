#include "bench/memory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace millrace::bench {
namespace {

double resident_bytes() {
  FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &total, &resident) != 2)
    fail("cannot read /proc/self/statm");
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double growth(const std::function<std::unique_ptr<Contestant>()>& make, std::size_t associations) {
  const std::unique_ptr<Contestant> contestant = make();
  contestant->hold(associations / 20);  // what comes once with the first ones does not count
  const double before = resident_bytes();
  contestant->hold(associations);
  return resident_bytes() - before;
}

}  // namespace

double bytes_per_end(const std::function<std::unique_ptr<Contestant>()>& make,
                     std::size_t associations) {
  int ends[2];
  if (pipe(ends) != 0) fail("pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    const double bytes = growth(make, associations);
    const bool is_told = write(ends[1], &bytes, sizeof bytes) == sizeof bytes;
    _exit(is_told ? 0 : 1);
  }
  close(ends[1]);
  double bytes = 0;
  const ssize_t received = read(ends[0], &bytes, sizeof bytes);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (received != sizeof bytes || status != 0) fail("memory could not be measured");
  return bytes / (2.0 * static_cast<double>(associations));
}

}  // namespace millrace::bench
