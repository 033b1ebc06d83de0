"""Engines that write examples: this process, several processes, or a Spark cluster. They differ in speed, not in a byte."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from winnow.data.writing import Chunk, Outcome, Writing
from winnow.errors import BadOption, MissingExtra, OutputError, WinnowError

Outcomes = Generator[Outcome, None, None]
Engine = Callable[[Writing, Iterable[Chunk]], Outcomes]
"""Does chunks in any order; closing the iterator stops it, with no half-written file under a final name."""
ENGINES = ("local", "spark")
INSTALL = 'pip install "winnow-audio[spark]"'
LOGGING = Path(__file__).resolve().with_name("log4j2.properties")
JAVA = "Spark did not start; it needs Java 17 or later, and JAVA_HOME or PATH that leads to it"


@contextmanager
def open_engine(name: str, *, jobs: int = 1, master: str = "local[*]") -> Iterator[Engine]:
    """An engine by name, ended at the end of the block. Raises BadOption, MissingExtra."""
    if name not in ENGINES:
        raise BadOption(f"--engine {name}: there are {', '.join(ENGINES)}.")
    if name == "spark":
        with _session(master) as context:
            yield partial(_on_spark, context)
    elif jobs > 1:
        yield partial(_in_processes, jobs)
    else:
        yield _here


def _here(writing: Writing, chunks: Iterable[Chunk]) -> Outcomes:
    for chunk in chunks:
        yield from writing.do(chunk)


def _in_processes(jobs: int, writing: Writing, chunks: Iterable[Chunk]) -> Outcomes:
    import multiprocessing

    todo, busy = iter(chunks), set[Future[list[Outcome]]]()
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_deaf)
    try:
        while True:
            busy |= {pool.submit(_done, writing, chunk) for chunk in itertools.islice(todo, 2 * jobs - len(busy))}
            if not busy:
                return
            ready, busy = wait(busy, return_when=FIRST_COMPLETED)
            for future in ready:
                yield from future.result()
    except BrokenProcessPool:
        raise OutputError(
            "a worker process was killed, most likely because memory ran out; the same command with fewer --jobs goes on."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)  # what is begun is finished: at most a chunk for each process


def _done(writing: Writing, chunk: Chunk) -> list[Outcome]:
    return list(writing.do(chunk))


def _deaf() -> None:
    """Ctrl-C reaches all processes of a terminal; the parent alone shall answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _session(master: str) -> Iterator[Any]:
    """A Spark context; one that is there already is used, and left running."""
    try:
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
    except ImportError:
        raise MissingExtra(f"--engine spark needs pyspark, which is not installed: {INSTALL}") from None
    there = SparkContext._active_spark_context is not None
    options = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    os.environ.setdefault("SPARK_SUBMIT_OPTS", f"-Dlog4j2.configurationFile={LOGGING.as_uri()}")
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    conf = SparkConf().setAppName("winnow data mix").setMaster(master).setAll(list(options.items()))
    try:
        context = SparkContext.getOrCreate(conf)
    except PySparkException as error:
        if "JAVA" in str(error).upper():
            raise MissingExtra(f"{JAVA}.") from None
        raise BadOption(f"--master {master}: {str(error).splitlines()[0]}") from None
    except Exception as error:
        if "Could not parse Master URL" in str(error):
            raise BadOption(
                f"--master {master}: Spark knows no such master. Give local[2], or spark://HOST:7077."
            ) from None
        raise
    try:
        yield context
    finally:
        if not there:
            context.stop()


def _on_spark(context: Any, writing: Writing, chunks: Iterable[Chunk]) -> Outcomes:
    """In waves, so that progress can be told and the driver holds little."""
    todo, wide = iter(chunks), max(1, int(context.defaultParallelism))
    while wave := list(itertools.islice(todo, 4 * wide)):
        tasks = context.parallelize(wave, min(len(wave), wide)).mapPartitions(partial(_partition, writing))
        for outcome in tasks.collect():
            if isinstance(outcome, str):
                raise OutputError(outcome)
            yield Outcome(*outcome)


def _partition(writing: Writing, chunks: Iterator[Chunk]) -> Iterator[tuple[Any, ...] | str]:
    """What runs on a worker. An error becomes its message: Spark would wrap it in a page of Java, and try again."""
    try:
        for chunk in chunks:
            for outcome in writing.do(Chunk(*chunk)):
                yield tuple(outcome)
    except WinnowError as error:
        yield str(error)
