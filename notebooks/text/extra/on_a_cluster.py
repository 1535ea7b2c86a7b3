# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Extra · On a cluster
#
# *10 minutes; computing takes about twenty seconds. Before this: lesson 03. It needs Dask: `pip install "dask[distributed]"`.*
#
# A sweep is cut into chunks, and on your machine each core trains one at a time. The same chunks can go to other processes and
# other machines. Who does the work is told to [joblib](https://joblib.readthedocs.io/en/stable/parallel.html), in one line; the
# sweep says `backend="joblib"`, and nothing else changes, the numbers neither.
#
# ## 1 · A cluster of two, on this machine

# %%
import distributed
import joblib
import torch

import mtl_lesson as mtl


def path(**where):
    return mtl.sweep(mtl.Soft, mtl.data.planted, trunk=mtl.nets.linear(10, 4), lam=[0.0, 0.1, 1.0, float("inf")],
                     seeds=range(3), epochs=10, progress=False, **where)


cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="CRITICAL")
client = distributed.Client(cluster)
with joblib.parallel_config("dask", client=client):
    there = path(backend="joblib")
client.close()
cluster.close()

# %% [markdown]
# Each worker is a process with a memory of its own: what it knows has been sent to it. The same sweep here, without joblib:

# %%
here = path()
pairs = [(here.runs[point].model.state_dict(), there.runs[point].model.state_dict()) for point in here.runs]
print("Tables:", "equal" if here.table.equals(there.table) else "NOT equal")
print("Weights:", "equal" if all(torch.equal(a[name], b[name]) for a, b in pairs for name in a) else "NOT equal")

# %% [markdown]
# Equal to the last bit, since a chunk is the same chunk wherever it is trained, on one thread. On machines with other processors
# the last digits may differ, as they do between your machine and mine.
#
# Without Dask, `with joblib.parallel_config("loky"):` takes the cores of this machine, as processes. On one machine that gains
# nothing over `mtl.sweep` as it is, which takes all cores already.
#
# ## 2 · What travels
#
# There: the way of sharing, the world *function*, the trunk, the settings, and the chunk. Back: weights and history. The data are
# drawn from the seed where they are used, here too, so `run.world` is right and no picture is sent. Hence three conditions.
#
# - **The same everywhere.** Python, PyTorch, NumPy and this package in the same versions on all machines, the scheduler's too; a
#   worker that has others refuses.
# - **What you defined in a cell travels by itself**; a module of your own has to be installed on every machine.
# - **A world function draws the same from the same seed**, and finds its files on every machine. One that does not is told. A
#   `World` that you give is sent instead, once to each worker.
#
# Precision is decided where you sit; the device is each worker's own: with a GPU it takes the GPU, and `MTL_DEVICE` is read there.
#
# ## 3 · Many machines
#
# **By ssh.** One machine runs the scheduler, the others one worker process a core (`dask scheduler --help` says more):
#
# ```sh
# dask scheduler                                                 # prints its address
# dask worker tcp://10.0.0.1:8786 --nworkers -1 --nthreads 1     # on each of the others
# ```
#
# ```python
# client = distributed.Client("tcp://10.0.0.1:8786")
# with joblib.parallel_config("dask"):
#     path = mtl.sweep(..., folder="work/path", backend="joblib")
# ```
#
# Whoever reaches those ports can run code there: only in a network you trust, or
# [with TLS](https://distributed.dask.org/en/stable/tls.html).
#
# **SLURM**, and likewise PBS, SGE or LSF, with [dask-jobqueue](https://jobqueue.dask.org): the workers are jobs of the queue.
#
# ```python
# from dask_jobqueue import SLURMCluster
#
# cluster = SLURMCluster(queue="short", cores=8, processes=8, memory="16GB", walltime="02:00:00")
# cluster.scale(jobs=10)                      # 80 workers; the sweep begins with the first that comes
# client = distributed.Client(cluster)
# with joblib.parallel_config("dask", wait_for_workers_timeout=3600):
#     path = mtl.sweep(..., folder="work/path", backend="joblib")
# ```
#
# **Ray** has a backend of its own (`ray.util.joblib.register_ray()`, then `joblib.parallel_config("ray")`). **Spark** has one in
# the package joblibspark (`register_spark()`, then `joblib.parallel_config("spark")`). We have run Dask and loky on one machine;
# SLURM, Ray and Spark are untested here.
#
# ## 4 · When something dies
#
# Give a `folder=`. Each copy is kept there, on your side, as soon as it comes back; whatever happens, the same line goes on with
# the others, on a cluster or without one.
#
# - A *worker* that dies costs its chunk, which another one trains. After four deaths of one chunk (often want of memory) Dask
#   gives it up, and the sweep ends with an error that says how many points are finished. With loky a sweep goes on three times.
# - *Stop* keeps what has finished. Dask's workers end the chunk they are at, unheard.
# - The *scheduler*, or your own process: run the line again.
