# A Python application and its worker, which takes from the queue `python` alone. Its scripts follow this text.
import json
import os
import subprocess
import sys
import tempfile

URL = sys.argv[1]
TABLE, REPORT = "5c0000000000000000000001_general", "5c0000000000000000000001"
SOURCE = f"""
from celery import Celery
app = Celery("tasks", broker={URL!r}, backend="rpc://")

@app.task(name="py.table")
def table(name):
    return name

@app.task(name="py.note", bind=True)
def note(self, *args):
    request = self.request
    return {{"args": args, "parent": request.parent_id, "root": request.root_id, "group": request.group}}
"""
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "tasks.py"), "w") as source:
    source.write(SOURCE)
sys.path.insert(0, folder)
import tasks  # noqa: E402

app = tasks.app
log = open(os.path.join(folder, "log"), "w+")
command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-n", "py@test", "-P", "solo", "-Q", "python"]


def append(number, **options):
    rows = [{"_id": f"5c{number:022x}", "name": "a"}]
    return app.signature("webhook.api", args=[TABLE, rows, REPORT], queue="reports", immutable=True, **options)


def note(**options):
    return tasks.note.s().set(queue="python", reply_to=app.thread_oid, **options)


def end(result):
    """State, what came out, and the ids of what followed."""
    value = result.get(timeout=30, propagate=False)
    is_error = isinstance(value, BaseException)
    return {
        "id": result.id,
        "state": result.state,
        "kind": type(value).__name__ if is_error else None,
        "value": str(value) if is_error else value,
        "children": [child.id for child in result.children or []],
    }


def with_worker(work):
    python = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | {"C_FORCE_ROOT": "1"})
    try:
        print(json.dumps(work()))
    except Exception:
        print(open(log.name).read(), file=sys.stderr)
        raise
    finally:
        python.kill()
