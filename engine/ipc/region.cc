#include "engine/ipc/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace::ipc {
namespace {

constexpr std::size_t kHugePage = 2u << 20;
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

std::size_t rounded(std::size_t bytes, std::size_t page) {
  return (bytes + page - 1) / page * page;
}

}  // namespace

Region::~Region() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  if (descriptor_ >= 0) close(descriptor_);
}

Region::Region(Region&& other) noexcept {
  *this = std::move(other);
}

Region& Region::operator=(Region&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(huge_, other.huge_);
  return *this;
}

bool Region::map(bool writable) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* memory = mmap(nullptr, bytes_, protection, MAP_SHARED, descriptor_, 0);
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<std::byte*>(memory);
  return true;
}

Region Region::create(const char* name, std::size_t bytes, HugePages huge_pages, bool writable,
                      std::string& error) {
  for (const bool huge : {true, false}) {
    if (huge && (huge_pages == HugePages::no || bytes < kHugePage)) continue;
    Region region;
    region.descriptor_ =
        memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB : 0u));
    region.bytes_ = rounded(bytes, huge ? kHugePage : 4096);
    region.huge_ = huge;
    if (region.descriptor_ >= 0 &&
        ftruncate(region.descriptor_, static_cast<off_t>(region.bytes_)) == 0 &&
        fcntl(region.descriptor_, F_ADD_SEALS, kSeals) == 0 && region.map(writable))
      return region;
    if (!huge || huge_pages == HugePages::yes) {
      error = std::string("cannot make a shared region of ") + std::to_string(region.bytes_) +
              (huge ? " bytes of huge pages: " : " bytes: ") + std::strerror(errno);
      return {};
    }
  }
  error = "huge pages were asked for, and the region is smaller than one";
  return {};
}

Region Region::open(int descriptor, std::size_t bytes, bool writable, std::string& error) {
  Region region;
  region.descriptor_ = descriptor;
  struct stat info {};
  if (fstat(descriptor, &info) != 0 || static_cast<std::size_t>(info.st_size) < bytes) {
    error = "the engine's shared region is too small";
    return {};
  }
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    error = "the engine's shared region is not sealed";
    return {};
  }
  region.bytes_ = static_cast<std::size_t>(info.st_size);  // huge pages are mapped whole
  if (!region.map(writable)) {
    error = std::string("cannot map the engine's shared region: ") + std::strerror(errno);
    return {};
  }
  // What is mapped needs none, and an application may close what it does not know.
  close(std::exchange(region.descriptor_, -1));
  return region;
}

}  // namespace millrace::ipc
