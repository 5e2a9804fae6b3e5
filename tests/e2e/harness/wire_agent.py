"""Runs inside a namespace: sends and receives SCTP packets over a raw socket, for handmade.py.

One command a line on standard input, one answer a line on standard output:
  send HEX          sends one packet                     -> ok
  burst FILE        sends every line (hex) of the file   -> ok
  receive SECONDS   what comes within that time          -> HEX HEX ... (may be empty)
  await SECONDS     the same, but no longer than until the first packet
"""

import select
import socket
import sys
import time


def receive(raw, seconds, is_first_enough):
    end = time.monotonic() + seconds
    packets = []
    while (left := end - time.monotonic()) > 0:
        if select.select([raw], [], [], left)[0]:
            packet = raw.recv(65535)
            packets.append(packet[(packet[0] & 15) * 4:].hex())
            if is_first_enough:
                break
    return packets


def main():
    address = sys.argv[1]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    raw.connect((address, 0))
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "send":
            raw.send(bytes.fromhex(argument))
            print("ok", flush=True)
        elif command == "burst":
            with open(argument, encoding="ascii") as file:
                for packet in file:
                    raw.send(bytes.fromhex(packet))
            print("ok", flush=True)
        else:
            print(" ".join(receive(raw, float(argument), command == "await")), flush=True)


main()
