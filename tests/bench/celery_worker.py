# A worker of Celery that takes empty tasks: the broker's address, the queue, how many processes.
import sys

from celery import Celery

url, queue, processes = sys.argv[1:]
app = Celery(broker=url)


@app.task(name="ping.api", ignore_result=True)
def ping():
    pass


app.worker_main(["worker", "--queues", queue, "--concurrency", processes, "--hostname", "python@%h", "--loglevel", "WARNING"])
