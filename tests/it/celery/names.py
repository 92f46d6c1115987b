# Starts a Python worker without a name beside ours; prints the nodes that answer.
import json
import os
import subprocess
import sys
import time

from celery import Celery

url = sys.argv[1]
app = Celery(broker=url)
command = [sys.executable, "-m", "celery", "--broker", url, "worker", "-P", "solo", "-Q", "others"]
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
python = subprocess.Popen(command, env=os.environ | {"C_FORCE_ROOT": "1"}, **quiet)
try:
    deadline = time.time() + 90
    while len(replies := app.control.ping(timeout=1)) < 2:
        assert python.poll() is None and time.time() < deadline, replies
finally:
    python.kill()
print(json.dumps(sorted(node.split("@")[0] for reply in replies for node in reply)))
