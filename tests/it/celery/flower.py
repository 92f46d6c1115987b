# Starts Flower, gives our worker a task, and prints what Flower's API tells of both.
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from celery import Celery

url = sys.argv[1]
app = Celery(broker=url)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
log = tempfile.NamedTemporaryFile("w+", delete=False)
command = [sys.executable, "-m", "celery", f"--broker={url}", "flower", f"--port={port}", "--address=127.0.0.1"]
flower = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"FLOWER_UNAUTHENTICATED_API": "true"})


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read()


def post(path):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=b"", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())["message"]
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode() or refused.reason


def wait_for(path, is_there):
    deadline = time.time() + 50
    while True:
        try:
            found = json.loads(get(path)[1])
            if is_there(found):
                return found
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        assert time.time() < deadline and flower.poll() is None, open(log.name).read()
        time.sleep(0.2)


try:
    workers = wait_for("/api/workers?refresh=1", lambda found: found.get("w1@test", {}).get("stats"))
    # Flower turns task events on by itself, when it has begun to listen.
    while not app.control.enable_events(reply=True, timeout=1)[0]["w1@test"]["ok"].endswith("already enabled"):
        time.sleep(0.2)
    rows = [{"_id": "5c0000000000000000000002", "name": "a"}]
    table, report = "5c0000000000000000000001_general", "5c0000000000000000000001"
    app.send_task("webhook.api", args=[table, rows, report], queue="reports", task_id="good")
    tasks = wait_for("/api/tasks", lambda found: found.get("good", {}).get("state") == "SUCCESS")
    app.send_task("no.such.task", queue="reports", task_id="bad")
    tasks |= wait_for("/api/tasks", lambda found: found.get("bad", {}).get("state") == "FAILURE")
    page = get("/worker/w1@test")[0]
    buttons = {
        "grow": post("/api/worker/pool/grow/w1@test?n=2"),
        "shrink": post("/api/worker/pool/shrink/w1@test?n=1"),
        "autoscale": post("/api/worker/pool/autoscale/w1@test?min=1&max=3"),
        "add": post("/api/worker/queue/add-consumer/w1@test?queue=more"),
        "cancel": post("/api/worker/queue/cancel-consumer/w1@test?queue=more"),
        "revoke": post("/api/task/revoke/id1?terminate=true"),
    }
    answers = {"workers": workers, "tasks": tasks, "page": page, "buttons": buttons}
    answers["shutdown"] = post("/api/worker/shutdown/w1@test")
    print(json.dumps(answers))
finally:
    flower.kill()
