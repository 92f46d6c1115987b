# Sends tasks to our worker as a Python application does, and waits for their results; prints what came back.
import time
from datetime import datetime, timedelta, timezone


def revoke(id, **options):
    return app.control.revoke(id, reply=True, timeout=10, limit=1, destination=["w1@test"], **options)[0]["w1@test"]["ok"]


def work():
    seen = {}
    seen["success"] = end(append(1).apply_async())
    seen["wrong"] = end(app.send_task("webhook.api", args=["no table", [], REPORT], queue="reports"))
    seen["unknown"] = end(app.send_task("no.such.task", queue="reports"))
    seen["nan"] = end(app.send_task("audit.api", args=[REPORT, {"x": float("nan")}], queue="reports"))
    # There is no audit service, and a Data API that does not answer.
    failing = app.signature("audit.api", args=[REPORT, {"aggr": {}}], queue="reports", immutable=True)
    seen["failure"] = end(failing.apply_async())
    states = []
    append(8).apply_async().get(timeout=30, on_message=lambda body: states.append(body["status"]))
    seen["states"] = [states]
    states = []
    failing.apply_async().get(timeout=30, propagate=False, on_message=lambda body: states.append(body["status"]))
    seen["states"].append(states)
    seen["ignored"] = append(2).apply_async(ignore_result=True).id

    started = time.time()
    seen["countdown"] = end(append(3).apply_async(countdown=1.5)) | {"took": time.time() - started}
    # It expires before its time has come, while it waits in the worker: in the queue RabbitMQ would drop it.
    eta = datetime.now(timezone.utc) + timedelta(seconds=1.5)
    seen["expired"] = end(append(4).apply_async(eta=eta, expires=eta - timedelta(seconds=0.3)))
    revoke("revoked-1")
    seen["revoked"] = end(append(5).apply_async(task_id="revoked-1"))
    running = app.send_task("qgeneral.api", args=[REPORT, REPORT, "Servers", {}], queue="reports")
    while revoke(running.id, terminate=True).endswith("unknown"):
        time.sleep(0.1)
    seen["terminated"] = end(running)
    for name in ("gzip", "bzip2"):
        seen[name] = end(append(6).apply_async(compression=name))

    # A queue that is there with other arguments than Celery's.
    with app.connection_for_write() as connection:
        connection.default_channel.queue_declare(
            "odd", durable=True, auto_delete=False, arguments={"x-max-priority": 5})
    seen["unlinked"] = end(append(9).apply_async(link=note().set(queue="odd")))

    def after(*ids):
        return [app.AsyncResult(id).get(timeout=30) for id in ids]

    linked = append(7).apply_async(link=[note(task_id="link-1"), note(task_id="link-2")])
    seen["linked"] = end(linked) | {"after": after("link-1", "link-2")}
    broken = failing.apply_async(link=note(task_id="never"), link_error=note(task_id="error-1"))
    seen["broken"] = end(broken) | {"after": after("error-1")}
    seen["silent"] = [app.AsyncResult(id).state for id in (seen["ignored"], "never")]
    return seen


with_worker(work)
