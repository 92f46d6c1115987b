# A Python worker that takes from the same queue as ours does the contract's work; 200 reports are requested, and when
# nobody works any more this prints the tasks that Python ran, by name.
import json
import os
import subprocess
import sys
import tempfile
import time

from celery import Celery

URL, DATA, REPORTS, PLATFORM, TOKEN, OWNER, COUNT = sys.argv[1:]
SOURCE = f"""
import json
import urllib.request
from celery import Celery

app = Celery("tasks", broker={URL!r})
app.conf.worker_prefetch_multiplier = 1


def call(method, url, body):
    headers = {{"Authorization": {TOKEN!r}, "Content-Type": "application/json"}}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def ran(task):
    with open("ran", "a") as file:
        file.write(task.name + " " + task.request.id + "\\n")


def send(name, *args):
    app.send_task(name, args=args, queue="reports")


@app.task(name="qgeneral.api", bind=True)
def general(self, owner_user, report_id, type, filters={{}}):
    ran(self)
    query = json.dumps({{"roles._id": owner_user}} | filters)
    found = call("POST", {DATA!r} + "/" + type.lower(), {{"query": query, "limit": 99999}})
    send("webhook.api", report_id + "_general", found["items"], report_id)
    send("audit.api", report_id, {{"aggr": {{}}}})
    send("notification.api", report_id, "by Python", "finished", {{}})
    send("ws.api", "general", report_id, owner_user, "success")


@app.task(name="webhook.api", bind=True)
def webhook(self, colname, results, report_id):
    ran(self)
    call("POST", {REPORTS!r} + "/reports", {{"colname": colname, "results": results}})


@app.task(name="notification.api", bind=True)
def notification(self, report_id, msg, status="finished", more={{}}):
    ran(self)
    call("PUT", {DATA!r} + "/reports", {{"body": [{{"_id": report_id, "status": status, "msg": msg}} | more]}})


@app.task(name="audit.api", bind=True)
def audit(self, entity_id, tmp):
    ran(self)
    call("PUT", {PLATFORM!r} + "/audit/reports/" + entity_id, tmp)


@app.task(name="ws.api", bind=True)
def ws(self, name, report_id, owner_id, status="success"):
    ran(self)
    event = {{"caller": ["reports-update", "reports-" + report_id]}}
    call("POST", {PLATFORM!r} + "/api", {{"method": "publish", "params": {{"data": {{"event": event}}}}}})
"""
NODES = ["ours@test", "py@test"]
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "tasks.py"), "w") as source:
    source.write(SOURCE)
log = open(os.path.join(folder, "log"), "w+")
command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-n", "py@test", "-P", "solo", "-Q", "reports"]
python = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | {"C_FORCE_ROOT": "1"})
app = Celery(broker=URL)
deadline = time.time() + 150


def is_idle():
    """Whether nothing waits and nobody works: asked twice, as a task may be between the two."""
    with app.connection_for_read() as connection:
        waiting = connection.default_channel.queue_declare("reports", passive=True).message_count
    inspect = app.control.inspect(destination=NODES, timeout=10, limit=2)
    working = [tasks for found in (inspect.active(), inspect.reserved()) for tasks in (found or {"": [1]}).values()]
    return waiting == 0 and not any(working)


def wait_for(is_there):
    while not is_there():
        assert time.time() < deadline and python.poll() is None, open(log.name).read()
        time.sleep(0.1)


try:
    wait_for(lambda: len(app.control.ping(destination=NODES, timeout=1)) == 2)
    for number in range(int(COUNT)):
        report = f"5e{number:022x}"
        app.send_task("qgeneral.api", args=[OWNER, report, "Servers", {"active": True}], queue="reports", task_id=report)
    wait_for(lambda: is_idle() and is_idle())
finally:
    python.kill()
ran = {}
for line in open(os.path.join(folder, "ran")):
    name, id = line.split()
    ran.setdefault(name, []).append(id)
print(json.dumps(ran))
