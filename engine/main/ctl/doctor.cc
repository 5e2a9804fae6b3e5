#include "engine/main/ctl/doctor.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace millrace::ctl {
namespace {

namespace fs = std::filesystem;
using Level = Finding::Level;

std::string read(const fs::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  std::string result = text.str();
  result.erase(result.find_last_not_of(" \n") + 1);
  return result;
}

/// The number behind `name` in a file of "Name:   123 kB" lines; -1 if it is not there.
long number_after(const std::string& text, const std::string& name) {
  const std::size_t found = text.find(name + ":");
  return found == std::string::npos ? -1 : std::atol(text.c_str() + found + name.size() + 1);
}

Finding huge_pages(const fs::path& root) {
  const std::string memory = read(root / "proc/meminfo");
  const long total = number_after(memory, "HugePages_Total");
  const long free = number_after(memory, "HugePages_Free");
  const long kilobytes = number_after(memory, "Hugepagesize");
  const bool mounted = read(root / "proc/mounts").find(" hugetlbfs ") != std::string::npos;
  if (total > 0 && mounted) {
    return {Level::kGood, "huge pages",
            std::to_string(total) + " reserved, " + std::to_string(free) + " free, of " +
                std::to_string(kilobytes) + " KiB",
            ""};
  }
  if (total > 0) {
    return {Level::kAdvice, "huge pages", std::to_string(total) + " reserved, but not mounted",
            "mkdir -p /dev/hugepages && mount -t hugetlbfs nodev /dev/hugepages"};
  }
  return {
      Level::kAdvice, "huge pages",
      "none reserved: the engine runs in plain pages, with more misses in the TLB, and physical "
      "NICs need an IOMMU",
      "sysctl -w vm.nr_hugepages=512   (to keep it: put vm.nr_hugepages=512 into "
      "/etc/sysctl.d/millrace.conf)"};
}

Finding isolation(const fs::path& root) {
  const std::string isolated = read(root / "sys/devices/system/cpu/isolated");
  if (!isolated.empty())
    return {Level::kGood, "CPU isolation", "CPUs " + isolated + " are isolated", ""};
  return {Level::kAdvice, "CPU isolation",
          "no CPU is isolated: other processes interrupt the lcores, which shows in the latency's "
          "tail",
          "boot with isolcpus=managed_irq,domain,N nohz_full=N rcu_nocbs=N for the CPUs N of "
          "engine.lcores"};
}

Finding governor(const fs::path& root) {
  const std::string name = read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (name.empty())
    return {Level::kGood, "CPU frequency", "not scaled here (or by the hypervisor)", ""};
  if (name == "performance") return {Level::kGood, "CPU frequency", "governor performance", ""};
  return {Level::kAdvice, "CPU frequency", "governor " + name + ": clocks change under load",
          "cpupower frequency-set -g performance"};
}

Finding instructions(const fs::path& root) {
  const std::string cpu = read(root / "proc/cpuinfo");
  const bool has_all =
      cpu.find("sse4_2") != std::string::npos && cpu.find("pclmulqdq") != std::string::npos;
  if (has_all)
    return {Level::kGood, "checksum", "CRC32c and carry-less multiplication in the CPU", ""};
  return {Level::kAdvice, "checksum",
          "the CPU shows no SSE4.2 with PCLMULQDQ: SCTP's checksum is computed slowly",
          "in a virtual machine: pass the host's CPU model through"};
}

Finding kernel_sctp(const fs::path& root) {
  if (!fs::exists(root / "proc/net/sctp"))
    return {Level::kGood, "kernel SCTP", "not loaded: nobody else answers SCTP packets", ""};
  return {Level::kAdvice, "kernel SCTP",
          "loaded: it answers ABORT to packets for addresses that the kernel has too",
          "give the engine addresses that no kernel interface has, or rmmod sctp"};
}

bool has_iommu(const fs::path& root) {
  std::error_code code;
  fs::directory_iterator groups(root / "sys/kernel/iommu_groups", code);
  return !code && groups != fs::directory_iterator();
}

/// Whether a default route leaves by an interface of this device.
bool has_default_route(const fs::path& root, const fs::path& device) {
  const std::string routes = read(root / "proc/net/route");
  const std::string routes_v6 = read(root / "proc/net/ipv6_route");
  std::error_code code;
  for (fs::recursive_directory_iterator entry(device, code), end; !code && entry != end;
       entry.increment(code)) {
    if (entry.depth() > 2) entry.disable_recursion_pending();
    if (entry->path().parent_path().filename() != "net") continue;
    const std::string name = entry->path().filename();
    // RTF_UP lines: "eth0\t00000000\t..." is the default of IPv4.
    if (routes.find(name + "\t00000000\t") != std::string::npos) return true;
    std::istringstream lines(routes_v6);
    for (std::string line; std::getline(lines, line);) {
      const bool is_default = line.starts_with(std::string(32, '0') + " 00 ");
      if (is_default && line.ends_with(" " + name)) return true;
    }
  }
  return false;
}

Finding network_card(const fs::path& root, const fs::path& device, bool iommu) {
  const std::string address = device.filename();
  std::error_code code;
  const fs::path link = fs::read_symlink(device / "driver", code);
  const std::string driver = code ? "no driver" : link.filename().string();
  const std::string what = address + " (" + read(device / "vendor") + ":" +
                           read(device / "device") + ") is bound to " + driver;
  if (driver == "vfio-pci" || driver == "igb_uio" || driver == "uio_pci_generic" ||
      driver == "mlx5_core" || driver == "mlx4_core") {
    return {Level::kGood, "NIC", what + ": the engine can use it", ""};
  }
  if (has_default_route(root, device)) {
    return {Level::kAdvice, "NIC", what + ": the kernel has it, and the default route goes there",
            "leave it to the kernel: taking it away may cut you off. net_af_packet or net_af_xdp "
            "work on its interface"};
  }
  std::string how =
      "if no route of yours needs it: modprobe vfio-pci && dpdk-devbind.py "
      "--bind=vfio-pci " +
      address +
      "; or leave it to the kernel and use net_af_xdp or net_af_packet on its "
      "interface";
  if (!iommu) {
    how +=
        "\n        there is no IOMMU: vfio-pci first needs\n"
        "        echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode\n"
        "        WARNING: the NIC can then write to all of the machine's memory";
  }
  return {Level::kAdvice, "NIC", what + ": the kernel has it", how};
}

void network_cards(const fs::path& root, std::vector<Finding>& findings) {
  const bool iommu = has_iommu(root);
  std::size_t count = 0;
  std::error_code code;
  for (fs::directory_iterator device(root / "sys/bus/pci/devices", code), end;
       !code && device != end; device.increment(code)) {
    if (!read(device->path() / "class").starts_with("0x02")) continue;
    findings.push_back(network_card(root, device->path(), iommu));
    ++count;
  }
  if (count == 0) {
    findings.push_back({Level::kGood, "NIC", "no PCI network card here",
                        "use a virtual device: net_af_packet0,iface=NAME on any interface"});
  }
}

const char* level_text(Level level) {
  switch (level) {
    case Level::kGood:
      return "good";
    case Level::kAdvice:
      return "advice";
  }
  return "";
}

}  // namespace

std::vector<Finding> examine(const std::string& root) {
  const fs::path base = root.empty() ? fs::path("/") : fs::path(root);
  std::vector<Finding> findings{huge_pages(base), isolation(base), governor(base),
                                instructions(base), kernel_sctp(base)};
  network_cards(base, findings);
  return findings;
}

std::string render_findings(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    std::string level = level_text(finding.level);
    level.resize(8, ' ');
    text += level + finding.topic + ": " + finding.what + "\n";
    if (!finding.how.empty()) text += "        " + finding.how + "\n";
  }
  return text;
}

nlohmann::json findings_json(const std::vector<Finding>& findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"level", level_text(finding.level)},
                    {"topic", finding.topic},
                    {"what", finding.what},
                    {"how", finding.how}});
  }
  return {{"findings", std::move(list)}};
}

}  // namespace millrace::ctl
