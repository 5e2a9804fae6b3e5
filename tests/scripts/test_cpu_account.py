"""Tests of scripts/lib/cpu_account.py: what scripts/ports says of where the CPU's time went."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from lib import cpu_account  # noqa: E402

BUSY = "import time\nend = time.process_time() + 60\nwhile time.process_time() < end:\n    for _ in range(10000): pass"


class CpuAccount(unittest.TestCase):
    def test_shares_add_up_and_a_busy_process_has_its_own(self):
        cpu = min(os.sched_getaffinity(0))
        with subprocess.Popen(["taskset", "-c", str(cpu), sys.executable, "-c", BUSY]) as process:
            try:
                account = cpu_account.Account(cpu, {"engine": process.pid})
                before = cpu_account.process_times(process.pid)[0]
                while cpu_account.process_times(process.pid)[0] < before + 0.2:
                    pass
                shares = account.shares()
            finally:
                process.kill()
        self.assertAlmostEqual(sum(shares.values()), 1)
        self.assertGreater(shares["engine, user"], 0)
        self.assertGreater(shares["engine, user"], shares["engine, system"])
        self.assertEqual(list(shares), ["engine, user", "engine, system", "idle", "other"])


if __name__ == "__main__":
    unittest.main()
