#include "tests/bench/touches.h"

#include <Zydis/Zydis.h>
#include <cpuid.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace millrace::bench {
namespace {

constexpr greg_t kTrapFlag = 0x100;
constexpr std::uintptr_t kPage = 4096;
constexpr std::size_t kInstructionBytesMax = 15;
constexpr unsigned kMaskState = 5;  // of XSAVE: the registers k0 to k7

std::vector<Watched*> watched;
bool is_watching = false;
ZydisDecoder decoder;
std::uint64_t not_understood = 0;
std::size_t masks_offset = 0;  // in what XSAVE stores; 0: this processor has no mask registers

void count(std::uintptr_t address, std::size_t size, bool is_load, bool is_store) {
  for (Watched* memory : watched) memory->count(address, size, is_load, is_store);
}

// ---- operands ----

std::uint64_t value_of(ZydisRegister name, const ucontext_t& context) {
  constexpr int kByNumber[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                               REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                               REG_R12, REG_R13, REG_R14, REG_R15};
  if (name == ZYDIS_REGISTER_NONE) return 0;
  const ZydisRegisterClass kind = ZydisRegisterGetClass(name);
  if (kind != ZYDIS_REGCLASS_GPR64) {
    ++not_understood;
    return 0;
  }
  return static_cast<std::uint64_t>(context.uc_mcontext.gregs[kByNumber[ZydisRegisterGetId(name)]]);
}

std::uint64_t mask_of(const ZydisDecodedInstruction& instruction, const ucontext_t& context) {
  if (instruction.avx.mask.mode < ZYDIS_MASK_MODE_MERGING) return ~std::uint64_t{0};
  const auto index = static_cast<std::size_t>(instruction.avx.mask.reg - ZYDIS_REGISTER_K0);
  std::uint64_t mask = 0;
  std::memcpy(&mask,
              reinterpret_cast<const std::uint8_t*>(context.uc_mcontext.fpregs) + masks_offset +
                  index * sizeof mask,
              sizeof mask);
  return mask;
}

void count_operand(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand& operand,
                   const ucontext_t& context) {
  const bool is_load = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  const bool is_store = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  if (operand.mem.segment == ZYDIS_REGISTER_FS || operand.mem.segment == ZYDIS_REGISTER_GS) return;
  const bool is_relative = operand.mem.base == ZYDIS_REGISTER_RIP;
  const std::uint64_t base =
      is_relative
          ? static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RIP]) + instruction.length
          : value_of(operand.mem.base, context);
  const std::uint64_t address = base + value_of(operand.mem.index, context) * operand.mem.scale +
                                static_cast<std::uint64_t>(operand.mem.disp.value);
  const std::size_t size = operand.size / 8;
  const std::uint64_t mask = mask_of(instruction, context);
  if (mask == ~std::uint64_t{0}) return count(address, size, is_load, is_store);
  const std::size_t element = operand.element_size / 8;
  for (std::size_t i = 0; i * element < size; ++i) {
    if ((mask >> i & 1) != 0) count(address + i * element, element, is_load, is_store);
  }
}

void count_next(const ucontext_t& context) {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  const auto* at = reinterpret_cast<const void*>(context.uc_mcontext.gregs[REG_RIP]);
  if (!ZYAN_SUCCESS(
          ZydisDecoderDecodeFull(&decoder, at, kInstructionBytesMax, &instruction, operands))) {
    ++not_understood;
    return;
  }
  if (instruction.meta.category == ZYDIS_CATEGORY_PREFETCH) return;
  for (std::size_t i = 0; i < instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = operands[i];
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    if (operand.mem.type == ZYDIS_MEMOP_TYPE_MEM)
      count_operand(instruction, operand, context);
    else if (operand.mem.type != ZYDIS_MEMOP_TYPE_AGEN)
      ++not_understood;  // gathers and scatters
  }
}

// ---- faults ----

void give_all() {
  for (const Watched* memory : watched) memory->give();
}

void take_all() {
  for (const Watched* memory : watched) memory->take();
}

// The pages that the present instruction was let through to.
std::array<std::uintptr_t, 8> open_pages;
std::size_t open_count = 0;

// An instruction that is about to touch what is watched: it is counted, and then alone let through.
// It comes here once more for each further page.
void on_fault(int signal, siginfo_t* info, void* where) {
  auto& context = *static_cast<ucontext_t*>(where);
  const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(info->si_addr) / kPage * kPage;
  const auto memory = std::find_if(watched.begin(), watched.end(),
                                   [page](const Watched* it) { return it->has_page(page); });
  if (memory == watched.end() || open_count == open_pages.size()) {
    std::signal(signal, SIG_DFL);
    return;
  }
  if (open_count == 0) count_next(context);
  open_pages[open_count++] = page;
  mprotect(reinterpret_cast<void*>(page), kPage, (*memory)->protection());
  context.uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

void on_trap(int, siginfo_t*, void* where) {
  static_cast<ucontext_t*>(where)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
  while (open_count > 0)
    mprotect(reinterpret_cast<void*>(open_pages[--open_count]), kPage, PROT_NONE);
}

/// A handler for as long as this object exists: Catch2 has its own otherwise.
class Handler {
 public:
  Handler(int signal, void (*handler)(int, siginfo_t*, void*)) : signal_(signal) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(signal, &action, &before_);
  }
  ~Handler() { sigaction(signal_, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  int signal_;
  struct sigaction before_ {};
};

void prepare() {
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  unsigned size = 0, offset = 0, c = 0, d = 0;
  constexpr unsigned kExtendedState = 0xd;
  if (__get_cpuid_count(kExtendedState, kMaskState, &size, &offset, &c, &d) != 0 && size > 0)
    masks_offset = offset;
}

}  // namespace

void watch(const std::function<void()>& code) {
  static const bool is_prepared = (prepare(), true);
  static_cast<void>(is_prepared);
  const Handler faults(SIGSEGV, on_fault), traps(SIGTRAP, on_trap);
  is_watching = true;
  take_all();
  code();
  is_watching = false;
  give_all();
}

Unwatched::Unwatched() {
  if (is_watching) give_all();
}

Unwatched::~Unwatched() {
  if (is_watching) take_all();
}

std::uint64_t instructions_not_understood() {
  return not_understood;
}

Watched::Watched(const void* begin, std::size_t size, int protection)
    : begin_(reinterpret_cast<std::uintptr_t>(begin)),
      size_(size),
      protection_(protection),
      loads_(std::make_unique<std::uint16_t[]>(size)),
      stores_(std::make_unique<std::uint16_t[]>(size)) {
  watched.push_back(this);
}

Watched::~Watched() {
  watched.erase(std::find(watched.begin(), watched.end(), this));
}

bool Watched::has_page(std::uintptr_t page) const {
  return page + kPage > begin_ && page < begin_ + size_;
}

void Watched::set(int protection) const {
  const std::uintptr_t first = begin_ / kPage * kPage;
  mprotect(reinterpret_cast<void*>(first), begin_ + size_ - first, protection);
}

void Watched::give() const {
  set(protection_);
}

void Watched::take() const {
  set(PROT_NONE);
}

void Watched::count(std::uintptr_t address, std::size_t size, bool is_load, bool is_store) {
  for (std::uintptr_t at = address; at != address + size; ++at) {
    if (at - begin_ >= size_) continue;
    loads_[at - begin_] = static_cast<std::uint16_t>(loads_[at - begin_] + is_load);
    stores_[at - begin_] = static_cast<std::uint16_t>(stores_[at - begin_] + is_store);
  }
}

Touches Watched::of(std::span<const std::uint8_t> bytes) const {
  const std::size_t first = reinterpret_cast<std::uintptr_t>(bytes.data()) - begin_;
  if (first + bytes.size() > size_) throw std::out_of_range("bytes that are not watched");
  Touches sum{.bytes = bytes.size()};
  for (std::size_t i = first; i < first + bytes.size(); ++i) {
    sum.loads += loads_[i];
    sum.stores += stores_[i];
  }
  return sum;
}

Touches Watched::of_all() const {
  return of({reinterpret_cast<const std::uint8_t*>(begin_), size_});
}

void Watched::forget(std::span<const std::uint8_t> bytes) {
  const std::size_t first = reinterpret_cast<std::uintptr_t>(bytes.data()) - begin_;
  if (first + bytes.size() > size_) throw std::out_of_range("bytes that are not watched");
  std::fill_n(loads_.get() + first, bytes.size(), 0);
  std::fill_n(stores_.get() + first, bytes.size(), 0);
}

void Watched::forget_all() {
  forget({reinterpret_cast<const std::uint8_t*>(begin_), size_});
}

}  // namespace millrace::bench
