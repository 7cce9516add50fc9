"""Processes that blur beside the one that trains."""

import multiprocessing
import os
import threading

import cv2


def start_child() -> None:
    """Called first in such a process: it has one core, and its parent's life.

    A parent that is killed ends its children by nothing that it does.
    """
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent):
    parent.join()
    os._exit(1)
