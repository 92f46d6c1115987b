# Asks our worker and a Python worker beside it the same; prints the answers by command and node.
import json
import os
import subprocess
import sys
import tempfile
import time

from celery import Celery

url = sys.argv[1]
app = Celery(broker=url)
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "tasks.py"), "w") as source:
    source.write(f"from celery import Celery\napp = Celery('tasks', broker={url!r})\n")
log = open(os.path.join(folder, "log"), "w+")
command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-n", "py@test", "-P", "solo", "-Q", "others"]
python = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | {"C_FORCE_ROOT": "1"})
NODES = ["w1@test", "py@test"]


def ask(command, arguments=None, **options):
    options = {"destination": NODES, "timeout": 20} | options
    replies = app.control.broadcast(command, arguments=arguments, reply=True, **options)
    return {node: answer for reply in replies for node, answer in reply.items()}


try:
    deadline = time.time() + 40
    while len(app.control.ping(destination=NODES, timeout=1)) < 2:
        assert time.time() < deadline and python.poll() is None, open(log.name).read()
    answers = {name: ask(name) for name in (
        "ping", "active", "reserved", "scheduled", "revoked", "registered", "active_queues", "stats", "report",
        "conf", "clock", "memsample", "nosuch")}
    answers["query_task"] = ask("query_task", {"ids": ["nope"]})
    answers["hello"] = ask("hello", {"from_node": "w9@test", "revoked": {"old": [1.5, "old"]}})
    answers["enable_events"] = ask("enable_events")
    answers["again"] = ask("enable_events")
    answers["revoke"] = ask("revoke", {"task_id": ["id1"], "terminate": True})
    answers["patterns"] = {
        pattern: sorted(ask("ping", destination=None, timeout=2, pattern=pattern, matcher=matcher))
        for pattern, matcher in (("w*", "glob"), ("py@", "pcre"))}
    time.sleep(6)  # Gossip looks every five seconds.
    answers["python_is_alive"] = python.poll() is None and "py@test" in ask("ping")
    app.control.broadcast("shutdown", destination=["w1@test"])
finally:
    python.kill()
print(json.dumps(answers))
