# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A ground station of pymavlink: listens at a UDP port of its own, and says which on its first line.

When its standard input ends it prints what it heard, as JSON: how often each message, bytes that were none, messages that were
lost, how high, how far off and how tilted the vehicle was at most, and whether it was armed.
"""
import json
import select
import socket
import sys

from pymavlink.dialects.v20 import common

parser = common.MAVLink(None)
parser.robust_parsing = True
listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)

heard = {}
figures = {"highest_m": 0.0, "aside_m": 0.0, "tilt_rad": 0.0, "map_highest_m": 0.0, "battery_v": 0.0}
armed = was_free = False
lost, last = 0, None


def most(name, value):
    figures[name] = max(figures[name], value)


def hear(message):
    global armed, was_free, lost, last
    kind = message.get_type()
    heard[kind] = heard.get(kind, 0) + 1
    if kind == "BAD_DATA":
        return
    if last is not None:
        lost += (message.get_seq() - last - 1) % 256
    last = message.get_seq()
    if kind == "HEARTBEAT":
        is_armed = bool(message.base_mode & common.MAV_MODE_FLAG_SAFETY_ARMED)
        armed, was_free = armed or is_armed, was_free or not is_armed
    elif kind == "LOCAL_POSITION_NED":
        most("highest_m", -message.z)
        most("aside_m", max(abs(message.x), abs(message.y)))
    elif kind == "ATTITUDE":
        most("tilt_rad", max(abs(message.roll), abs(message.pitch)))
    elif kind == "GLOBAL_POSITION_INT":
        most("map_highest_m", message.relative_alt / 1000)
    elif kind == "SYS_STATUS":
        most("battery_v", message.voltage_battery / 1000)


while True:
    ready, _, _ = select.select([listening, sys.stdin], [], [])
    if listening in ready:
        for message in parser.parse_buffer(listening.recv(65535)) or []:
            hear(message)
    elif not sys.stdin.readline():
        break
print(json.dumps({"heard": heard, "lost": lost, "armed": armed, "was_free": was_free, **figures}))
