# Asks our worker and a Python worker beside it the same; prints the answers by command and node.
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

from celery import Celery

url = sys.argv[1]
app = Celery(broker=url)
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "tasks.py"), "w") as source:
    source.write(
        f"from celery import Celery\napp = Celery('tasks', broker={url!r})\n"
        "@app.task(name='webhook.api')\ndef webhook(*args): pass\n"
        "@app.task(name='qgeneral.api')\ndef general(*args):\n    import time\n    time.sleep(600)\n")
log = open(os.path.join(folder, "log"), "w+")
command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-n", "py@test", "-c", "2", "-Q", "others"]
python = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | {"C_FORCE_ROOT": "1"})
NODES = ["w1@test", "py@test"]


def ask(command, arguments=None, **options):
    options = {"destination": NODES, "timeout": 20} | options
    replies = app.control.broadcast(command, arguments=arguments, reply=True, **options)
    return {node: answer for reply in replies for node, answer in reply.items()}


try:
    deadline = time.time() + 90
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
    stamps = {"headers": ["a=b"]}
    answers["revoke_by_stamped_headers"] = ask("revoke_by_stamped_headers", stamps)
    answers["not terminated"] = ask("revoke_by_stamped_headers", {"headers": {"a": "b"}, "terminate": True})
    answers["revoke waiting"] = ask("revoke", {"task_id": ["id2"]})
    answers["rate_limit"] = ask("rate_limit", {"task_name": "webhook.api", "rate_limit": "10/m"})
    answers["no rate_limit"] = ask("rate_limit", {"task_name": "webhook.api", "rate_limit": None})
    answers["rate of nothing"] = ask("rate_limit", {"task_name": "no.such", "rate_limit": "10/m"})
    answers["time_limit"] = ask("time_limit", {"task_name": "webhook.api", "soft": 5.0, "hard": 10.0})
    answers["time of nothing"] = ask("time_limit", {"task_name": "no.such", "soft": 5.0})
    answers["autoscale"] = ask("autoscale", {"max": 3, "min": 1})
    answers["pool_restart"] = ask("pool_restart")
    answers["pool_grow"] = ask("pool_grow", {"n": 2})
    answers["pool_shrink"] = ask("pool_shrink", {"n": 1})
    answers["add_consumer"] = ask("add_consumer", {"queue": "q2"})
    answers["queues"] = ask("active_queues")
    answers["cancel_consumer"] = ask("cancel_consumer", {"queue": "q2"})
    answers["heartbeat"] = ask("heartbeat")
    answers["disable_events"] = ask("disable_events")
    eta = datetime.now(timezone.utc) + timedelta(hours=1)
    rows = ["5c0000000000000000000001_general", [], "5c0000000000000000000001"]
    for queue in ("reports", "others"):
        app.send_task("webhook.api", args=rows, queue=queue, task_id=queue, eta=eta)
    while not all(ask("scheduled").values()):
        assert time.time() < deadline
    answers["scheduled later"] = ask("scheduled")
    answers["query scheduled"] = ask("query_task", {"ids": NODES + ["reports", "others"]})
    report = ["5c0000000000000000000002", "5c0000000000000000000001", "Servers", {}]
    for queue in ("reports", "others"):
        app.send_task("qgeneral.api", args=report, queue=queue, task_id=f"long {queue}")
    while not all(ask("active").values()):
        assert time.time() < deadline
    answers["active now"] = ask("active")
    answers["query active"] = ask("query_task", {"ids": ["long reports", "long others"]})
    terminate = {"task_id": ["long reports", "long others"], "signal": "SIGTERM"}
    answers["terminate"] = ask("terminate", terminate)
    while any(ask("active").values()):
        assert time.time() < deadline
    answers["patterns"] = {
        pattern: sorted(ask("ping", destination=None, timeout=2, pattern=pattern, matcher=matcher))
        for pattern, matcher in (("w*", "glob"), ("py@", "pcre"))}
    environment = os.environ | {"CELERY_BROKER_URL": url, "MAESTRO_DATA_DIR": folder}

    def ours(*arguments):
        command = [sys.argv[2], *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60).stdout

    python_alone = ("-d", "py@test", "-t", "20")
    answers["ours"] = {
        "status": ours("status", "-d", ",".join(NODES), "-t", "20"),
        "stats": json.loads(ours("inspect", "stats", "--json", *python_alone)),
        "registered": ours("inspect", "registered", *python_alone),
        "time_limit": ours("control", "time_limit", "webhook.api", "5", "9", *python_alone),
        "unknown": ours("control", "rate_limit", "no.such", "5/s", *python_alone),
        "events": ours("events", "--limit", "10"),
    }
    time.sleep(6)  # Gossip looks every five seconds.
    answers["python_is_alive"] = python.poll() is None and "py@test" in ask("ping")
    app.control.broadcast("shutdown", destination=["w1@test"])
finally:
    python.kill()
print(json.dumps(answers))
