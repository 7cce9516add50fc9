"""Trains SIS-net: python train.py --flagfile=demo.flags"""

from sis_keras.commands.train import run

if __name__ == "__main__":
    run()
