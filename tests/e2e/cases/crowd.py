"""A thousand associations of one epoll program, among whose clients some are killed at random."""

import os
import random
import re
import signal
import time

from harness.ends import THEIRS, two_engines
from harness.registry import check, check_equal, test, wait_until
from harness.sockets import run_command

PORT = "5600"
CLIENTS = 10
EACH = 100


class Crowd:
    def __init__(self, rig):
        self.rig = rig
        self.ours, self.theirs = two_engines(rig)
        # Half a million packets: tshark would take longer over them than the test.
        for capture in rig.captures:
            capture.stop()
        rig.captures.clear()
        self.program = rig.programs.find("sockets-crowd")

    def start(self, engine, words, name):
        return self.rig.spawn(run_command(self.rig, engine, [self.program, *words]), name)

    def server(self):
        server = self.start(self.theirs, ["server", PORT], "crowd-server")
        server.wait_for("serving")
        return server

    def client(self):
        return self.start(self.ours, ["client", THEIRS, PORT, str(EACH)], "crowd-client")

    def wait_for_associations(self, count, seconds=30):
        for engine in (self.ours, self.theirs):
            wait_until(lambda engine=engine: in_use(engine) == count, seconds,
                       f"{count} associations", interval=0.3)


def in_use(engine):
    return sum(lcore["associations"] for lcore in engine.ask("lcores")["lcores"])


def answered(client):
    found = re.findall(r"answered (\d+)", client.output())
    return int(found[-1]) if found else 0


@test("a thousand associations of one epoll program: who is killed harms nobody else")
def random_kills(rig):
    seed = int(os.environ.get("MILLRACE_SEED") or random.randrange(1_000_000))
    print(f"MILLRACE_SEED={seed} kills the same ones, after the same delays", flush=True)
    dice = random.Random(seed)
    crowd = Crowd(rig)
    server = crowd.server()
    clients = [crowd.client() for _ in range(CLIENTS)]
    crowd.wait_for_associations(CLIENTS * EACH)
    for _ in range(3):
        victims = dice.sample(range(CLIENTS), 2)
        for victim in victims:
            clients[victim].send_signal(signal.SIGKILL)
        crowd.wait_for_associations((CLIENTS - len(victims)) * EACH)
        before = [answered(client) for client in clients]
        for i, client in enumerate(clients):
            if i in victims:
                continue
            wait_until(lambda i=i, client=client: answered(client) > before[i], 10,
                       "the others go on", interval=0.2)
            check(client.status() is None and f"living {EACH}" in client.output(),
                  client.describe())
        for victim in victims:
            # The next one too, about when its associations are set up.
            clients[victim] = crowd.client()
            time.sleep(dice.uniform(0, 0.5))
            clients[victim].send_signal(signal.SIGKILL)
            clients[victim] = crowd.client()
        crowd.wait_for_associations(CLIENTS * EACH)
    server.send_signal(signal.SIGKILL)
    for client in clients:
        check_equal(client.wait(20), 0, client.describe())
        check("wrong" not in client.output() and "failed" not in client.output(),
              client.describe())
    crowd.wait_for_associations(0)
    again = crowd.server()
    last = crowd.client()
    crowd.wait_for_associations(EACH)
    last.send_signal(signal.SIGTERM)
    check_equal(last.wait(10), 0, last.describe())
    crowd.wait_for_associations(0)
    check_equal(again.stop(), 0, again.describe())
    for engine in (crowd.ours, crowd.theirs):
        wait_until(lambda engine=engine: not engine.ask("applications")["applications"], 10,
                   "nothing of the programs is left at the engine")
