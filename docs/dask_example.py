"""Reads pages on a Dask cluster: here one of two processes on this machine, started for the purpose.

    pip install 'pagesieve[dask,warc]'
    python docs/dask_example.py pages/ crawl.warc.gz > records.jsonl

For a cluster that is there, give ``Client`` its address. Its workers need pagesieve, too.
"""

import json
import sys

from distributed import Client, LocalCluster
from joblib import parallel_config

from classifier.bulk.inputs import find_files, read_files
from classifier.bulk.parallel import read_all

if __name__ == "__main__":
    sources = read_files(find_files(sys.argv[1:]))
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        parallel_config("dask"),
    ):
        for record in read_all(sources, jobs=2):
            print(json.dumps(record, ensure_ascii=False))
