"""Takes the files whose names begin with one of the given prefixes out of a wheel (a zip) into the working folder."""
import sys
import zipfile

archive, wanted = sys.argv[1], tuple(sys.argv[2:])
with zipfile.ZipFile(archive) as wheel:
    for name in wheel.namelist():
        if name.startswith(wanted):
            wheel.extract(name)
