"""Tests of what scripts/instructions --times makes of perf's samples."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from lib import samples, stages  # noqa: E402

SCRIPT = """\
PERF_RECORD_MMAP2 6989/6989: [0x55e03e526000(0x53000) @ 0x2000 fe:00 5499218 1542891298]: r-xp /opt/a program
PERF_RECORD_MMAP2 6989/6989: [0x7f5f9af64000(0x2000) @ 0 00:00 0 0]: r-xp [vdso]
  100.000000001:      55e03e526010 (/opt/a program)
  100.000000002:      55e03e526010 (/opt/a program)
  100.000000002:      55e03e526010 (/opt/a program)
  103.123456789:      55e03e526123 (/opt/a program)
  103.123456789:      7f5f9af64700 ([vdso])
  104.000000000:              1234 ([unknown])
  104.000000001:      55e03e526010 (/opt/a program)
"""

BUSY = """
#include <stdio.h>
#include <time.h>
__attribute__((noinline)) unsigned long busy(unsigned long n) {
  volatile unsigned long sum = 0;
  for (unsigned long i = 0; i < n; ++i) sum += i;
  return sum;
}
long now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1000000000L + at.tv_nsec;
}
int main(void) {
  busy(200000000);
  long start = now(CLOCK_MONOTONIC), before = now(CLOCK_THREAD_CPUTIME_ID);
  if (busy(400000000) == 1) return 1;
  long on_core = now(CLOCK_THREAD_CPUTIME_ID) - before;
  printf("from %ld to %ld ns, %ld on a core\\n", start, now(CLOCK_MONOTONIC), on_core);
  return 0;
}
"""


class Samples(unittest.TestCase):
    def test_samples_are_counted_by_where_they_lie_in_their_file(self):
        found = samples.by_library(SCRIPT, 100_000_000_002, 104_000_000_000)
        self.assertEqual(found["/opt/a program"], {0x2010: 2, 0x2123: 1})
        self.assertEqual(found["[vdso]"], {0x700: 1})
        self.assertEqual(found["[unknown]"], {0: 1})

    def test_a_source_is_named_from_the_folder_that_was_built_in(self):
        self.assertEqual(stages.source_of("/opt/it/build/../engine/net/sender.cc"),
                         "../engine/net/sender.cc")
        by_linker = "/opt/it/build/../../bench/build/../engine/net/sender.cc"
        self.assertEqual(stages.source_of(by_linker), "../engine/net/sender.cc")
        self.assertEqual(stages.source_of("??"), "??")

    def test_a_program_s_time_is_found_in_the_function_that_takes_it(self):
        reason = samples.why_not()
        if reason:
            self.skipTest(reason)
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "busy.c")
            source.write_text(BUSY, encoding="utf-8")
            program = pathlib.Path(folder, "busy")
            subprocess.run(["cc", "-g", "-O1", "-o", program, source], check=True)
            found, on_core = samples.take([program])
        total = sum(count for *_, count in found)
        busy = sum(count for library, file, function, count in found
                   if (library, file, function) == ("busy", str(source), "busy"))
        self.assertGreater(busy, 0.9 * total)
        # What came before the time that counts is not in it. (The kernel's part is in neither.)
        self.assertGreater(total, 0.7 * on_core)
        self.assertLess(total, 1.2 * on_core)


class Stages(unittest.TestCase):
    def test_every_count_belongs_to_one_stage(self):
        counts = [("millrace-steps", "../engine/base/crc32c_blocks.cc", "update", 10),
                  ("libc.so.6", "./string/memmove-vec-unaligned-erms.S", "", 20),
                  ("millrace-steps", "?", "nobody's", 30)]
        found = stages.by_stage(counts, 10, stages.MESSAGE)
        self.assertEqual({stage: count for stage, count in found.items() if count},
                         {stages.CHECKSUMS: 1, stages.COPIES: 2, stages.REST: 3})


    def test_what_is_inlined_belongs_to_the_stage_of_its_file(self):
        def stage(table, file, function):
            found = stages.by_stage([("millrace-steps", file, function, 1)], 1, table)
            return next(name for name, count in found.items() if count)

        packets_out = "packets out: choose, write chunks"
        packets_in = "packets in: find the association, walk the chunks"
        for file, table_of_messages, table_of_associations, function in (
                ("../engine/assoc/transmit.cc", stages.PACKETS_OUT, packets_out, "transmit"),
                ("../engine/wire/writer.h", stages.PACKETS_OUT, packets_out, "transmit"),
                ("../engine/base/time.h", stages.PACKETS_OUT, packets_out, "transmit"),
                ("../engine/net/sender.cc", stages.ROUTE, stages.ROUTE, "transmit"),
                ("../engine/net/receiver.cc", stages.FRAMES_IN, stages.FRAMES_IN, "receive_from"),
                ("../engine/base/bytes.h", stages.FRAMES_IN, stages.FRAMES_IN, "receive_from"),
                ("../engine/assoc/chunks.cc", stages.PACKETS_IN, packets_in, "receive_from")):
            function = f"millrace::Worker::{function}(millrace::Time)"
            self.assertEqual(stage(stages.MESSAGE, file, function), table_of_messages)
            self.assertEqual(stage(stages.ASSOCIATION, file, function), table_of_associations)


if __name__ == "__main__":
    unittest.main()
