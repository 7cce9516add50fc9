"""Makes pictures and videos sharper: python deblur.py --help"""

from sis_keras.commands.deblur import run

if __name__ == "__main__":
    run()
