"""Makes pictures and videos sharper: python deblur.py --help"""

from sis_keras.deblur_command import run

if __name__ == "__main__":
    run()
