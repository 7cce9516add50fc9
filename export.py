"""Takes the network out of Python: python export.py --help"""

from sis_keras.export_command import run

if __name__ == "__main__":
    run()
