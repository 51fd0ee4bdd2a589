"""Cases side by side: most of their time is waiting. Each worker is a process with worlds of its own."""

import signal
from multiprocessing.connection import wait

from tests.lab import undo
from tests.lab.process import Child, Failed

WORKERS = 4
_PATIENCE = 20  # seconds that a worker has to take its world away


class _Worker(Child):
    unit = None

    def stop(self):
        """Politely: it has namespaces to remove."""
        self.signal(signal.SIGTERM)
        self.wait(_PATIENCE)
        super().stop()


def each(units, workers, make):
    """Performs every unit, the first ones first; yields (unit, results) as they come. `make()` gives, in a worker, the function
    from a unit to its results. A worker that dies fails its unit: then the results are the exception."""
    waiting, crew = list(units), []
    try:
        while waiting or crew:
            while waiting and len(crew) < workers:
                worker = _Worker(_work, make)
                _give(worker, waiting)
                crew.append(worker)
            for channel in wait([worker.channel for worker in crew]):
                worker = next(one for one in crew if one.channel is channel)
                unit = worker.unit
                try:
                    results = worker.receive(0)
                except Failed as error:
                    results = error
                if waiting and not isinstance(results, Failed):
                    _give(worker, waiting)
                else:
                    crew.remove(worker)
                    worker.stop()
                yield unit, results
    finally:
        for worker in crew:
            worker.signal(signal.SIGTERM)
        for worker in crew:
            worker.stop()


def _give(worker, waiting):
    worker.unit = waiting.pop(0)
    worker.send(worker.unit)


def _work(channel, make):
    undo.install()
    try:
        perform = make()
        while True:
            channel.send(perform(channel.recv()))
    except (EOFError, SystemExit):
        pass
    finally:
        undo.everything()

