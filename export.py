"""Takes the network out of Python: python export.py --help"""

from sis_keras.commands.installed import export

if __name__ == "__main__":
    export()
