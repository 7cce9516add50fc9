"""Takes the network out of Python: python export.py --help"""

from sis_keras.commands.export import run

if __name__ == "__main__":
    run()
