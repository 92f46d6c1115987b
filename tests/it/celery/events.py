# Follows the worker with Celery's own receiver while it works on three tasks; prints what it has seen.
import json
import sys
from datetime import datetime, timedelta, timezone

from celery import Celery

app = Celery(broker=sys.argv[1], backend="rpc://")
TABLE, REPORT = "5c0000000000000000000001_general", "5c0000000000000000000001"
OWNER = "5c0000000000000000000002"
ENDS = {"task-succeeded", "task-failed", "task-revoked"}
kinds, state = {}, app.events.State()


def note(event):
    state.event(event)
    if "uuid" in event:
        kinds.setdefault(event["uuid"], []).append(event["type"])


with app.connection() as connection:
    receiver = app.events.Receiver(connection, handlers={"*": note})
    events = receiver.itercapture(limit=None, timeout=30, wakeup=True)
    next(events)  # A heartbeat: it listens.
    app.control.revoke("late")
    rows = [{"_id": "5c0000000000000000000002", "name": "a"}]
    app.send_task("webhook.api", args=[TABLE, rows, REPORT], queue="reports", task_id="good")
    app.send_task("no.such.task", queue="reports", task_id="bad")
    eta = datetime.now(timezone.utc) + timedelta(seconds=1)
    app.send_task("webhook.api", args=[TABLE, rows, REPORT], queue="reports", task_id="late", eta=eta)
    general = [OWNER, REPORT, "Servers", {}]
    slow = app.send_task("qgeneral.api", args=general, queue="reports", task_id="slow", time_limit=0.5)
    while not all(ENDS & set(kinds.get(task, [])) for task in ("good", "bad", "late", "slow")):
        next(events)
    next(events)  # One more sign of life.

tasks = {
    uuid: {name: getattr(task, name) for name in ("state", "name", "args", "result", "runtime", "exception")}
    | {"worker": task.worker.hostname}
    for uuid, task in state.tasks.items()
}
workers = {
    name: {field: getattr(worker, field) for field in ("alive", "freq", "sw_ident", "processed", "active")}
    for name, worker in state.workers.items()
}
result = repr(slow.get(timeout=30, propagate=False))
print(json.dumps({"slow": result, "kinds": kinds, "tasks": tasks, "workers": workers}))
