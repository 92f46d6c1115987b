# Chains whose middle task is ours; prints what came of each task.
from celery import chain, group


def work():
    middle = app.signature("webhook.api", args=[[{"_id": f"5c{1:022x}"}], REPORT], queue="reports")
    last = chain(tasks.table.s(TABLE).set(queue="python"), middle, tasks.note.s().set(queue="python"))()
    ends = {"last": end(last), "middle": end(last.parent), "first": end(last.parent.parent)}
    together = chain(append(2), group(note(), note()))()
    return ends | {"group": {"values": together.get(timeout=30), "id": together.id}}


with_worker(work)
