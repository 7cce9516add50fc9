"""Scores weights on pairs: python evaluate.py --flagfile=demo.flags"""

from sis_keras.commands.evaluate import run

if __name__ == "__main__":
    run()
