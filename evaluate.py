"""Scores weights on pairs: python evaluate.py --flagfile=demo.flags"""

from sis_keras.commands.installed import evaluate

if __name__ == "__main__":
    evaluate()
