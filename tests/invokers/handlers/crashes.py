# ruff: noqa: PTH123
"""Handlers that take their process with them, or will not end."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time


def hard_exit(event, context):
    os._exit(event)


def exits_if_told(event, context):
    if event:
        os._exit(1)


def kills_itself(event, context):
    os.kill(os.getpid(), event)
    time.sleep(60)


def segfaults(event, context):
    ctypes.string_at(0)


def aborts(event, context):
    os.abort()


def raises_keyboard_interrupt(event, context):
    raise KeyboardInterrupt


def hangs(event, context):
    _note(event)
    time.sleep(600)


def hangs_deaf(event, context):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _note(event)
    while True:
        time.sleep(600)


def spins(event, context):
    _note(event)
    while True:
        pass


def holds_the_gil(event, context):
    _note(event)
    ctypes.PyDLL(None).sleep(600)


def spawns(event, context):
    """A child in the group, one that left it, and one of that one's own: all their pids are noted."""
    family = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
        "with open(sys.argv[1], 'a') as notes: notes.write(f'{os.getpid()}\\n{child.pid}\\n')\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-S", "-c", family, event["notes"]]
    subprocess.Popen(command)
    subprocess.Popen(command, start_new_session=True)
    if event.get("double_fork") and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _note(event)
            time.sleep(600)
        os._exit(0)
    while True:
        with open(event["notes"]) as notes:
            if len(notes.read().split()) == 4 + bool(event.get("double_fork")):
                break
        time.sleep(0.005)
    _note(event)
    if event.get("then") == "hang":
        time.sleep(600)
    return "spawned"


def grows(event, context):
    hoard = []
    while True:
        hoard.append(bytearray(8 * 1024 * 1024))
        time.sleep(0.005)


def grows_in_a_child(event, context):
    program = (
        "hoard = []\nimport time\nwhile True: hoard.append(bytearray(8 << 20)); time.sleep(0.005)"
    )
    subprocess.run([sys.executable, "-S", "-c", program], check=False)


def shares_with_children(event, context):
    """Five forks that share 70 MB of their parent's."""
    hoard = bytearray(70 << 20)
    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            hoard.count(1)
            time.sleep(600)
        children.append(child)
    time.sleep(event)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(hoard)


def exits_later(event, context):
    threading.Timer(event, os._exit, [5]).start()
    return os.getpid()


def thread_bomb(event, context):
    for _ in range(event):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return "still there"


def descriptor_bomb(event, context):
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        return error.strerror


def _note(event):
    """Say who runs, in the file that the test has named."""
    if isinstance(event, dict) and "notes" in event:
        with open(event["notes"], "a") as notes:
            notes.write(f"{os.getpid()}\n")
