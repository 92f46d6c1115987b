# A Python worker with the seven tasks of the contract, in upstream's order of arguments; prints what each was called with.
import json
import sys

from celery import Celery

app = Celery(broker=sys.argv[1])
app.conf.worker_redirect_stdouts = False
seen = {}


def record(name, arguments):
    seen[name] = arguments
    if len(seen) == 7:
        app.control.shutdown(destination=["py@test"])


@app.task(name="qgeneral.api")
def general(owner_user, report_id, type, filters={}):
    record("qgeneral.api", dict(owner_user=owner_user, report_id=report_id, type=type, filters=filters))


@app.task(name="qpivot.api")
def pivot(owner_user, report_id, entity, pipeline):
    record("qpivot.api", dict(owner_user=owner_user, report_id=report_id, entity=entity, pipeline=pipeline))


@app.task(name="upload.api")
def upload(report_id, owner_user, name, result, type=None):
    record("upload.api", dict(report_id=report_id, owner_user=owner_user, name=name, result=result))


@app.task(name="webhook.api")
def webhook(colname, results, report_id):
    record("webhook.api", dict(colname=colname, results=results, report_id=report_id))


@app.task(name="notification.api")
def notification(report_id, msg, status="finished", more={}):
    record("notification.api", dict(report_id=report_id, msg=msg, status=status, more=more))


@app.task(name="audit.api")
def audit(entity_id, tmp):
    record("audit.api", dict(entity_id=entity_id, tmp=tmp))


@app.task(name="ws.api")
def ws(name, report_id, owner_id, status="success"):
    record("ws.api", dict(name=name, report_id=report_id, owner_id=owner_id, status=status))


try:
    app.worker_main(["--quiet", "worker", "-n", "py@test", "-P", "solo", "-Q", "upstream", "-l", "ERROR", "--without-mingle", "--without-gossip", "--without-heartbeat"])
finally:
    print("\n" + json.dumps(seen))
