"""
The images of the labs, made on this machine from packages: no Docker engine and no container registry is needed.

    recipes.py    clusters/images.yaml, read and checked: what is in each image, its version, origin and checksum
    cache.py      where downloads and finished images lie; a half-made one is never seen
    wheels.py     programs from Python wheels, installed ones or downloaded ones
    debs.py       programs from Debian packages
    golang.py     programs built from Go modules
    rootfs.py     the files of an image: a shell and small programs, the parts, the libraries that they need
    archives.py   the image as a file, in the form that ``docker save`` writes
    builder.py    all of these, in order
    loading.py    the images that a lab needs, loaded into its cluster
    obstacles.py  what cannot be had on this machine, and what to do

A finished image is one archive. The embedded cluster unpacks it, kind loads it: ``podlab images --load NAME``.
"""

from __future__ import annotations

from podlab.images import recipes
from podlab.images.builder import archive_of, bring, build
from podlab.images.loading import labs_that_need, need, once
from podlab.images.recipes import ImagePart, ImageRecipe, Recipes, load

__all__ = [
    "ImagePart",
    "ImageRecipe",
    "Recipes",
    "archive_of",
    "bring",
    "build",
    "labs_that_need",
    "load",
    "need",
    "once",
    "recipes",
]
