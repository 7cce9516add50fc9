"""Trains SIS-net: python train.py --flagfile=demo.flags"""

from sis_keras.commands.installed import train

if __name__ == "__main__":
    train()
